//! What programs do with customers.

use super::model::Customer;
use crate::base::{CustomerId, Email, TenantId, UserId};
use crate::crypto::password_hash::Password;
use crate::cx::Cx;
use crate::error::{Code, Result};
use crate::role::RoleGrant;
use crate::user::{Pool, Population, SignUp, set_disabled};
use crate::{password, role};

/// The row of a customer: ids of one pool are never ids of the other.
const fn row(id: CustomerId) -> UserId {
    UserId::from_uuid(id.as_uuid())
}

/// Creates a customer with a password, without a session. The hooks of customers run.
///
/// # Errors
/// The refusals of signing up.
pub async fn create_customer(cx: &Cx, signup: SignUp, password: Password) -> Result<Customer> {
    password::create(cx, Pool::Customer, signup, password).await.map(Customer::from)
}

/// The customer of this id.
///
/// # Errors
/// When the store is down.
pub async fn customer_by_id(cx: &Cx, id: CustomerId) -> Result<Option<Customer>> {
    let found = cx.conn().user_by_id(row(id)).await?;
    Ok(found.filter(|found| found.pool == Pool::Customer).map(Customer::from))
}

/// The customer of this address; accounts that belong to a tenant are not looked at.
///
/// # Errors
/// When the store is down.
pub async fn customer_by_email(cx: &Cx, email: &Email) -> Result<Option<Customer>> {
    Ok(cx.conn().user_by_email(&Pool::Customer.into(), email).await?.map(Customer::from))
}

/// The customer of this address whose account belongs to this tenant.
///
/// # Errors
/// When the store is down.
pub async fn customer_by_email_in_tenant(cx: &Cx, email: &Email, tenant: &TenantId) -> Result<Option<Customer>> {
    let population = Population::from(Pool::Customer).in_tenant(tenant.clone());
    Ok(cx.conn().user_by_email(&population, email).await?.map(Customer::from))
}

/// Bars a customer from signing in and ends all their sessions, at once.
///
/// # Errors
/// [`Code::UserNotFound`].
pub async fn disable_customer(cx: &Cx, id: CustomerId) -> Result<()> {
    set_disabled(cx, Pool::Customer, row(id), Some(cx.now())).await
}

/// Lets a disabled customer sign in again.
///
/// # Errors
/// [`Code::UserNotFound`].
pub async fn enable_customer(cx: &Cx, id: CustomerId) -> Result<()> {
    set_disabled(cx, Pool::Customer, row(id), None).await
}

/// Gives a role to a customer; `false` when they hold it already. Effective with their next request.
///
/// # Errors
/// [`Code::RoleGuardNotAllowed`], [`Code::RoleNotFound`], [`Code::UserNotFound`].
pub async fn grant_role(cx: &Cx, id: CustomerId, guard: &str, name: &str) -> Result<bool> {
    customer_by_id(cx, id).await?.ok_or(Code::UserNotFound)?;
    role::grant_to_anybody(cx, row(id), &RoleGrant::new(guard, name)).await
}

/// Takes a role from a customer; `false` when they did not hold it. Effective with their next request.
///
/// # Errors
/// [`Code::RoleGuardNotAllowed`], [`Code::RoleNotFound`], [`Code::UserNotFound`].
pub async fn revoke_role(cx: &Cx, id: CustomerId, guard: &str, name: &str) -> Result<bool> {
    customer_by_id(cx, id).await?.ok_or(Code::UserNotFound)?;
    role::revoke_role(cx, row(id), guard, name).await
}
