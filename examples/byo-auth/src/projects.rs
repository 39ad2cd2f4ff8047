//! Projects, each of one organisation.
//!
//! They are kept in memory and are gone with the program. A real one has a table whose every statement says
//! `WHERE organization_id = …`, with the [`Tenant`] that these functions take.

use std::sync::{Mutex, MutexGuard, PoisonError};

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, Responder};
use auth_actix::{JsonBody, Refusal, RequestCx, Tenant};
use auth_core::error::Code;
use auth_core::guard::{self, Scoped};
use auth_core::{Cx, Result};
use serde_json::{Value, json};

use crate::input::ProjectInput;

#[derive(Clone, Debug)]
struct Project {
    id: String,
    name: String,
}

/// The projects of all organisations. Whoever asks for one says for which organisation; those of others do not exist.
#[derive(Debug, Default)]
pub(crate) struct Projects(Mutex<Vec<Scoped<Project>>>);

impl Projects {
    fn all(&self, tenant: &guard::Tenant) -> Vec<Project> {
        self.rows().iter().filter_map(|row| row.open_ref(tenant).ok()).cloned().collect()
    }

    fn find(&self, tenant: &guard::Tenant, id: &str) -> Result<Project> {
        let rows = self.rows();
        rows[position(&rows, tenant, id)?].open_ref(tenant).cloned()
    }

    fn insert(&self, tenant: &guard::Tenant, project: Project) {
        self.rows().push(Scoped::stamped(tenant, project));
    }

    fn replace(&self, tenant: &guard::Tenant, project: Project) -> Result<()> {
        let mut rows = self.rows();
        let at = position(&rows, tenant, &project.id)?;
        rows[at] = Scoped::stamped(tenant, project);
        Ok(())
    }

    fn remove(&self, tenant: &guard::Tenant, id: &str) -> Result<()> {
        let mut rows = self.rows();
        let at = position(&rows, tenant, id)?;
        rows.remove(at);
        Ok(())
    }

    fn rows(&self) -> MutexGuard<'_, Vec<Scoped<Project>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the project stands, if it is one of this organisation.
fn position(rows: &[Scoped<Project>], tenant: &guard::Tenant, id: &str) -> Result<usize> {
    let is_it = |row: &Scoped<Project>| row.open_ref(tenant).is_ok_and(|project| project.id == id);
    rows.iter().position(is_it).ok_or_else(|| Code::NotFound.into())
}

pub(crate) async fn list(projects: Data<Projects>, tenant: Tenant) -> Json<Vec<Value>> {
    Json(projects.all(&tenant).iter().map(|project| shown(project, &tenant)).collect())
}

pub(crate) async fn create(
    cx: RequestCx,
    projects: Data<Projects>,
    tenant: Tenant,
    JsonBody(input): JsonBody<ProjectInput>,
) -> Result<impl Responder, Refusal> {
    let project = Project { id: new_id(&cx), name: input.name.0 };
    projects.insert(&tenant, project.clone());
    Ok((Json(shown(&project, &tenant)), StatusCode::CREATED))
}

pub(crate) async fn find(projects: Data<Projects>, tenant: Tenant, id: Path<String>) -> Result<Json<Value>, Refusal> {
    Ok(Json(shown(&projects.find(&tenant, &id)?, &tenant)))
}

pub(crate) async fn rename(
    projects: Data<Projects>,
    tenant: Tenant,
    id: Path<String>,
    JsonBody(input): JsonBody<ProjectInput>,
) -> Result<Json<Value>, Refusal> {
    let project = Project { id: id.into_inner(), name: input.name.0 };
    projects.replace(&tenant, project.clone())?;
    Ok(Json(shown(&project, &tenant)))
}

pub(crate) async fn remove(
    projects: Data<Projects>,
    tenant: Tenant,
    id: Path<String>,
) -> Result<HttpResponse, Refusal> {
    projects.remove(&tenant, &id)?;
    Ok(HttpResponse::NoContent().finish())
}

fn shown(project: &Project, tenant: &guard::Tenant) -> Value {
    json!({ "id": project.id, "name": project.name, "organizationId": tenant.id() })
}

fn new_id(cx: &Cx) -> String {
    let mut bytes = [0; 16];
    cx.random().fill(&mut bytes);
    format!("{:032x}", u128::from_be_bytes(bytes))
}
