//! Orders. Who may process one, and when, was said at the route.

use actix_web::web::{Json, Path};
use auth_actix::{Refusal, RequestContext};
use auth_core::error::{Code, Error};
use serde_json::{Value, json};

/// Every number but 0 is that of an order here; a real program has a table.
pub(crate) async fn process(context: RequestContext, id: Path<u64>) -> Result<Json<Value>, Refusal> {
    if *id == 0 {
        return Err(Error::from(Code::NotFound).saying("There is no such order.").into());
    }
    tracing::info!(order = *id, by = %context.user_id, "an order is processed");
    Ok(Json(json!({ "id": *id, "status": "processed", "processedBy": context.user_id })))
}
