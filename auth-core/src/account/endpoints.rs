//! The endpoints of accounts.

use http::Method;
use serde::{Deserialize, Serialize};

use super::model::Account;
use crate::cx::Cx;
use crate::error::Result;
use crate::guard::CurrentSession;
use crate::http::{Endpoint, Json, Route};

pub(crate) const ROUTES: &[Route] = &[Route::of::<ListAccounts>()];

/// `GET /list-accounts`: the ways in which the caller signs in.
#[derive(Debug, Deserialize)]
pub struct ListAccounts {}

/// An account as clients see it.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct AccountView {
    /// The account.
    #[serde(flatten)]
    pub account: Account,
    /// What an external provider permitted; a password permits nothing there.
    scopes: [String; 0],
}

impl Endpoint for ListAccounts {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/list-accounts";
    const NAME: &'static str = "list_accounts";
    type Caller = CurrentSession;
    type Reply = Json<Vec<AccountView>>;

    async fn call(self, cx: &Cx, current: CurrentSession) -> Result<Self::Reply> {
        let accounts = cx.conn().accounts_of_user(current.user_id).await?;
        Ok(Json(accounts.into_iter().map(|account| AccountView { account, scopes: [] }).collect()))
    }
}
