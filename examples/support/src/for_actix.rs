//! The page and the demo routes for actix-web.

use actix_web::body::BoxBody;
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Responder};
use auth_core::Auth;

use crate::{Demo, Page};

impl Responder for Page {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        for header in self.headers {
            response.insert_header(header);
        }
        response.body(self.html)
    }
}

/// `/__clock` and `/__outbox`, for `App::configure`; nothing without `DEMO=1`.
pub fn demo_routes(demo: Option<Demo>, auth: Auth) -> impl FnOnce(&mut ServiceConfig) {
    move |app| {
        let Some(demo) = demo else { return };
        let outbox = demo.clone();
        let clock = move |body: Bytes| {
            let mut answer = if demo.advance(&body) { HttpResponse::NoContent() } else { HttpResponse::BadRequest() };
            let answer = answer.finish();
            async move { answer }
        };
        app.route("/__clock", web::post().to(clock)).route(
            "/__outbox",
            web::get().to(move || {
                let (outbox, auth) = (outbox.clone(), auth.clone());
                async move { web::Json(outbox.outbox(&auth).await) }
            }),
        );
    }
}
