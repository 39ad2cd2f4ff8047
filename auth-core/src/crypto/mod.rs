//! Cryptography behind types that cannot be misused: password hashes, sealed columns, message tags.
//!
//! Everything is one of three questions. *Is this the password?* [`PasswordHasher`] answers it with
//! argon2id in a bounded pool of threads. *May this be read back?* [`Sealer`] encrypts what the engine
//! must be able to read again, such as TOTP seeds, and binds it to its row. *Did we issue this?* [`Mac`]
//! tags messages, and [`AttemptKeys`] turns an address into a name that only we can recompute. Where others
//! must be able to ask it too, there are signed tokens: [`jwt`].
//!
//! No key is handed in directly: a [`Keyring`] derives one key for each [`Purpose`] from a secret of the
//! application, so that what is valid for one purpose is noise to every other, and so that the secret
//! can be replaced while old values stay readable. Primitives come from AWS-LC and RustCrypto;
//! randomness comes from the [`Random`](crate::base::Random) port.
//!
//! Start reading at [`PasswordHasher`], then at [`Keyring`].
//!
//! [`PasswordHasher`]: password_hash::PasswordHasher
//! [`Sealer`]: seal::Sealer
//! [`Mac`]: mac::Mac
//! [`AttemptKeys`]: mac::AttemptKeys
//! [`Keyring`]: keys::Keyring
//! [`Purpose`]: keys::Purpose

pub mod jwt;
pub mod keys;
pub mod mac;
pub mod password_hash;
pub mod seal;
