//! Quotas of requests, counted in the table of attempts: both are numbers in a window under a keyed pseudonym.

use async_trait::async_trait;
use auth_core::base::Timestamp;
use auth_core::limit::{Bucket, BucketKey, LimitStore, Place};
use auth_core::store::StoreError;

use crate::driver::Target;
use crate::error::corrupt;
use crate::sql::{Sql, sql};
use crate::store::SqlConn;

const BUCKET: Sql = sql!("SELECT attempts, window_ends_at FROM auth_attempt WHERE attempt_key = $1");
// MySQL assigns in this order: the count, which looks at the window, comes before the window.
const TAKE_PLACE: Sql = sql!(
    "UPDATE auth_attempt SET attempts = CASE WHEN window_ends_at <= $1 THEN 1 ELSE attempts + 1 END, \
     window_ends_at = CASE WHEN window_ends_at <= $2 THEN $3 ELSE window_ends_at END \
     WHERE attempt_key = $4 AND (window_ends_at <= $5 OR attempts < $6)"
);
// MySQL has no ON CONFLICT.
const OPEN_BUCKET: Sql = sql!(
    "INSERT INTO auth_attempt (attempt_key, attempts, window_ends_at) VALUES ($1, 1, $2) ON CONFLICT DO NOTHING",
    mysql: "INSERT IGNORE INTO auth_attempt (attempt_key, attempts, window_ends_at) VALUES (?, 1, ?)"
);
const GIVE_PLACE_BACK: Sql = sql!(
    "UPDATE auth_attempt SET attempts = attempts - 1 WHERE attempt_key = $1 AND window_ends_at = $2 AND attempts > 0"
);

pub(crate) const STATEMENTS: &[&Sql] = &[&BUCKET, &TAKE_PLACE, &OPEN_BUCKET, &GIVE_PLACE_BACK];

impl<T: Target> SqlConn<T> {
    /// How many places are taken in the present window, and when it ends; `None` where nothing was ever taken.
    async fn bucket(&mut self, bucket: &Bucket) -> Result<Option<(u32, Timestamp)>, StoreError> {
        let Some(row) = self.0.fetch_optional(&BUCKET, &[bucket.key.as_bytes().into()]).await? else { return Ok(None) };
        let used = u32::try_from(row.int(0)?).map_err(|_| corrupt("auth_attempt.attempts"))?;
        Ok(Some((used, row.instant(1)?)))
    }
}

#[async_trait]
impl<T: Target> LimitStore for SqlConn<T> {
    async fn take_place(&mut self, bucket: &Bucket, now: Timestamp) -> Result<Place, StoreError> {
        let key = bucket.key.as_bytes().into();
        let limit = bucket.quota.limit();
        let new_end = now.plus(bucket.quota.window());
        // Again when somebody else has opened the bucket, filled it or pruned it between the two statements.
        for _ in 0..3 {
            match self.bucket(bucket).await? {
                // Nothing has to be written to know this: a place that is given back meanwhile is somebody else's to take.
                Some((used, window_ends_at)) if now < window_ends_at && used >= limit => {
                    return Ok(Place { is_taken: false, used, window_ends_at });
                }
                Some((used, end)) => {
                    let values = [now.into(), now.into(), new_end.into(), key, now.into(), i64::from(limit).into()];
                    if self.0.affects(&TAKE_PLACE, &values).await? {
                        let is_new = now >= end;
                        let (used, window_ends_at) = if is_new { (1, new_end) } else { (used.saturating_add(1), end) };
                        return Ok(Place { is_taken: true, used, window_ends_at });
                    }
                }
                None => {
                    if self.0.affects(&OPEN_BUCKET, &[key, new_end.into()]).await? {
                        return Ok(Place { is_taken: true, used: 1, window_ends_at: new_end });
                    }
                }
            }
        }
        // Others have had the last places meanwhile.
        let (used, window_ends_at) = self.bucket(bucket).await?.unwrap_or((limit, new_end));
        Ok(Place { is_taken: false, used, window_ends_at })
    }

    async fn give_place_back(&mut self, key: &BucketKey, window_ends_at: Timestamp) -> Result<(), StoreError> {
        self.0.execute(&GIVE_PLACE_BACK, &[key.as_bytes().into(), window_ends_at.into()]).await.map(drop)
    }
}
