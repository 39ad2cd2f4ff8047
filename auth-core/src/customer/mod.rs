//! Customers: whom an application serves, beside the users who run it.
//!
//! They are a pool of their own. An address may be in both and means two accounts; a password, a session, a token of
//! one is nothing to the other. Everything else is the same machinery: the endpoints of users stand below `/customer`
//! once more, and services that take a [`Cx`](crate::Cx) work on customers when it is [for
//! them](crate::Cx::for_customers). Customers are off until [`AuthBuilder::customers`](crate::AuthBuilder::customers)
//! switches them on.
//!
//! In handlers a customer is a [`CurrentCustomer`](crate::guard::CurrentCustomer), which no user ever is. A route for
//! customers alone says so by its rule, `for_customers()`, and then looks at their cookie only.

mod config;
mod model;
mod service;

pub use config::Config;
pub use model::Customer;
pub use service::{
    create_customer, customer_by_email, customer_by_email_in_tenant, customer_by_id, disable_customer, enable_customer,
    grant_role, revoke_role,
};
