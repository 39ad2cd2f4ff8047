//! The conformance suite: what every store promises, as rules that anyone can run over their own.
//!
//! The engine trusts a store with the decisions that keep accounts safe: that a session which has ended stays ended,
//! that of two racing changes one wins, that a transaction which fell over left nothing. The traits say so in words;
//! here each promise is a [`Rule`] that breaks when the store breaks it. The names of the [`rules`] are the contract in
//! short. A rule wants a fresh store: migrated, empty and its own.
//!
#![cfg_attr(feature = "memory", doc = "```")]
#![cfg_attr(not(feature = "memory"), doc = "```ignore")]
//! use std::sync::Arc;
//!
//! use auth_core::store::{MemoryStore, suite};
//!
//! // In a test of your own: `#[tokio::test]`.
//! # #[tokio::main(flavor = "current_thread")]
//! async fn my_store_keeps_the_rules() {
//!     for rule in suite::rules() {
//!         println!("{}", rule.name());
//!         rule.run(Arc::new(MemoryStore::new())).await;
//!     }
//! }
//! # my_store_keeps_the_rules();
//! ```
//!
//! Run it against a pool of several connections: with a single one the races never happen. Ids, tokens and times are
//! the same in every run. Start reading at [`Rule`], then at any file by feature.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a conformance test speaks by panicking")]

mod accounts;
mod actors;
mod api_key_uses;
mod api_keys;
mod attempts;
mod audit;
mod codes;
mod facts;
mod identifiers;
mod isolated;
mod mailboxes;
mod outbox;
mod passwords;
mod refresh;
mod retention;
mod role_scopes;
mod roles;
mod sessions;
mod sessions_ended;
mod signing_keys;
mod tenants;
mod transactions;
mod users;

use std::any::Any;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use self::actors::Actors;
use super::Store;

/// One promise that a store makes, named after the behaviour: `sessions::an_ended_session_cannot_be_slid_back`.
pub struct Rule {
    name: &'static str,
    check: fn(Actors) -> BoxFuture<'static, ()>,
}

impl Rule {
    /// The feature and the behaviour, unique among the [`rules`].
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Checks that `store` keeps the rule. The store must be migrated and empty; it is not cleaned up afterwards.
    ///
    /// # Panics
    /// When the store breaks the rule, with the rule's name and what was found. A store that deadlocks does not
    /// return: give the test a time limit.
    pub async fn run(&self, store: Arc<dyn Store>) {
        // The store belongs to this rule alone, so nobody sees the state that a panic leaves it in.
        let verdict = AssertUnwindSafe((self.check)(Actors::over(store))).catch_unwind().await;
        if let Err(panic) = verdict {
            panic!("the store breaks the rule `{}`: {}", self.name, message(&*panic));
        }
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rule").field(&self.name).finish()
    }
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked")
}

/// Makes the list out of the functions themselves, so that no name can drift away from what it names.
macro_rules! rules {
    ($($feature:literal in $module:ident: $($rule:ident),+;)+) => {
        &[$($(Rule {
            name: concat!($feature, "::", stringify!($rule)),
            check: |actors| Box::pin($module::$rule(actors)),
        }),+),+]
    };
}

/// Every rule.
pub const fn rules() -> &'static [Rule] {
    RULES
}

const RULES: &[Rule] = rules! {
    "users" in users:
        a_new_user_is_found_by_id_and_by_address,
        nobody_else_is_found,
        every_field_of_a_user_survives,
        a_user_survives_with_nothing_optional,
        an_address_is_taken_only_once,
        an_address_in_both_pools_is_two_users,
        an_address_of_one_pool_is_unknown_in_the_other,
        an_address_is_taken_only_once_in_each_pool,
        an_id_is_taken_only_once,
        an_id_of_one_pool_is_none_of_the_other,
        addresses_that_differ_in_an_accent_are_two_users,
        racing_sign_ups_of_one_address_have_one_winner,
        racing_sign_ups_have_one_winner_in_each_pool,
        a_profile_change_touches_name_and_image_alone,
        an_empty_profile_change_keeps_name_and_image,
        a_picture_can_be_removed,
        a_change_that_changes_nothing_still_finds_the_user,
        a_change_to_nobody_is_told,
        a_login_is_claimed_at_the_present_version_only,
        a_disabled_user_cannot_claim_a_login,
        a_deleted_user_cannot_claim_a_login,
        a_user_is_locked_whatever_their_state,
        a_raised_credential_version_ends_sign_ins_under_way,
        every_raise_of_the_credential_version_counts,
        disabling_touches_nothing_else,
        deleting_a_user_takes_sessions_accounts_and_roles_along,
        deleting_a_user_leaves_others_alone,
        deleting_a_user_frees_the_address,
        deleting_a_user_leaves_the_customer_of_that_address_alone,
        racing_deletions_of_a_user_have_one_winner;
    "users" in isolated:
        an_address_in_two_tenants_and_in_none_is_three_users,
        an_address_of_one_tenant_is_unknown_elsewhere,
        an_address_is_taken_only_once_in_each_tenant,
        an_account_of_a_tenant_that_is_not_there_is_refused,
        racing_sign_ups_have_one_winner_in_each_tenant,
        a_tenant_takes_its_accounts_along,
        a_tenant_leaves_accounts_of_others_alone;
    "roles" in roles:
        a_role_is_found_by_guard_and_name,
        the_same_name_in_two_guards_is_two_roles,
        names_that_differ_in_case_are_two_roles,
        the_longest_names_survive,
        permissions_are_kept_exactly_and_in_order,
        a_role_without_permissions_is_a_role,
        defining_a_role_again_replaces_its_permissions_alone,
        racing_definitions_of_a_role_leave_one_of_them,
        a_granted_role_is_held_by_that_user_alone,
        a_user_without_roles_holds_none,
        a_role_id_is_taken_only_once,
        a_role_is_granted_only_once,
        racing_grants_have_one_winner,
        a_grant_to_nobody_is_refused,
        a_grant_of_no_role_is_refused,
        a_revoked_role_is_no_longer_held,
        racing_revocations_have_one_winner,
        roles_are_listed_by_guard_and_name,
        new_permissions_reach_whoever_holds_the_role;
    "roles" in role_scopes:
        the_same_names_in_the_program_and_two_tenants_are_three_roles,
        every_field_of_a_role_survives,
        defining_a_role_again_replaces_its_flags,
        a_role_of_no_tenant_is_refused,
        roles_are_listed_for_the_program_or_one_tenant,
        a_role_that_is_held_is_not_deleted,
        racing_deletions_of_a_role_have_one_winner,
        a_role_is_not_deleted_from_under_a_grant,
        a_role_held_in_four_places_is_four_grants,
        racing_grants_have_one_winner_in_each_place,
        a_grant_in_a_tenant_of_others_is_refused,
        roles_of_a_user_leave_out_what_is_held_in_other_tenants,
        only_holders_who_count_in_the_same_place_are_others,
        of_holders_who_give_up_at_once_one_stays,
        scope_and_role_guard_of_a_session_survive,
        a_session_comes_with_the_roles_that_are_held_where_it_acts,
        a_session_in_a_tenant_of_others_is_refused,
        a_key_comes_with_the_roles_of_its_tenant_and_none_of_the_platform;
    "tenants" in tenants:
        a_tenant_is_found_by_its_id,
        a_tenant_is_taken_only_once,
        racing_tenants_of_one_id_have_one_winner,
        tenants_are_compared_byte_by_byte,
        a_tenant_is_locked_if_it_is_there,
        deleting_a_tenant_takes_all_of_it_along,
        deleting_a_tenant_leaves_everything_else_alone,
        every_field_of_a_membership_survives,
        a_membership_is_written_only_once,
        racing_memberships_have_one_winner,
        a_membership_of_nobody_is_refused,
        a_membership_of_no_tenant_is_refused,
        memberships_are_listed_by_tenant,
        members_are_listed_in_pages_with_what_they_hold,
        a_status_is_told_when_it_changes,
        racing_suspensions_have_one_winner,
        suspending_ends_the_sessions_in_that_tenant_alone,
        a_suspended_member_keeps_their_roles,
        what_is_opened_while_suspended_does_not_outlive_it,
        removing_a_member_takes_roles_and_sessions_there_along,
        racing_removals_of_a_member_have_one_winner,
        deleting_a_user_takes_memberships_along,
        nothing_of_a_member_outlives_the_membership;
    "sessions" in sessions:
        a_session_is_found_by_its_token_with_user_and_roles,
        every_field_of_a_session_survives,
        a_session_survives_with_nothing_optional,
        addresses_of_both_families_survive,
        a_long_unicode_user_agent_survives,
        instants_from_1970_to_9999_survive_to_the_microsecond,
        an_unknown_token_finds_nothing,
        token_hashes_are_compared_byte_by_byte,
        a_session_of_nobody_is_refused,
        a_session_is_opened_at_the_present_version_only,
        a_session_of_a_disabled_user_is_refused,
        a_session_id_is_taken_only_once,
        a_token_is_taken_only_once,
        an_expired_session_is_returned_for_the_caller_to_judge,
        a_disabled_user_is_returned_for_the_caller_to_judge,
        several_roles_are_returned_once_each,
        sliding_moves_the_expiry_and_nothing_else,
        sliding_shortens_no_session,
        live_sessions_are_listed_latest_written_first,
        a_session_whose_expiry_has_come_is_not_listed;
    "sessions" in sessions_ended:
        a_session_is_ended_by_its_user_only,
        racing_ends_of_a_session_have_one_winner,
        an_ended_session_cannot_be_slid_back,
        an_expired_session_cannot_be_slid,
        sliding_in_a_race_never_brings_a_session_back,
        all_sessions_but_one_can_be_ended,
        all_sessions_can_be_ended,
        the_spared_session_stays_and_is_not_counted,
        the_cap_evicts_the_least_recently_written,
        a_cap_that_is_not_reached_evicts_nothing,
        a_cap_of_zero_evicts_all,
        sessions_of_the_same_instant_are_evicted_by_id,
        racing_evictions_keep_the_newest;
    "accounts" in accounts:
        a_password_is_listed_as_a_credential_account,
        accounts_of_others_are_not_listed;
    "attempts" in attempts:
        a_key_that_was_never_raised_has_no_counter,
        attempts_are_counted_for_each_key,
        an_attempt_taken_back_counts_for_neither_key,
        attempt_keys_are_compared_byte_by_byte,
        concurrent_attempts_are_all_counted,
        the_first_attempt_sets_the_window,
        a_counter_whose_window_has_ended_starts_anew,
        a_counter_whose_window_has_ended_is_left_out,
        concurrent_attempts_in_a_new_window_are_all_counted,
        a_success_clears_one_counter_and_refunds_the_other,
        a_refund_never_falls_below_zero,
        an_attempt_of_an_earlier_window_is_not_taken_back_from_this_one,
        settling_what_was_never_raised_is_harmless,
        concurrent_refunds_are_all_counted;
    "passwords" in passwords:
        a_user_is_found_with_their_password,
        a_user_without_a_password_is_found_without_one,
        nobody_has_no_password,
        a_sign_in_is_judged_in_its_own_pool,
        a_sign_in_is_judged_by_its_own_counters,
        a_password_for_nobody_is_refused,
        a_second_password_is_refused,
        an_account_id_is_taken_only_once,
        racing_first_passwords_have_one_winner,
        a_password_is_replaced_where_the_old_one_stands,
        replacing_a_password_touches_nothing_else,
        replacing_an_outdated_hash_changes_nothing,
        hashes_are_compared_byte_by_byte,
        a_long_hash_survives,
        there_is_nothing_to_replace_without_a_password,
        racing_replacements_have_one_winner;
    "passwords" in isolated:
        a_sign_in_is_judged_in_its_own_tenant,
        a_sign_in_to_a_tenant_is_judged_by_its_own_counters;
    "api keys" in api_keys:
        a_key_is_found_by_its_secret_with_owner_and_roles,
        every_field_of_a_key_survives,
        a_key_survives_with_nothing_optional,
        a_key_of_no_user_is_found_without_one,
        an_unknown_secret_finds_nothing,
        secrets_are_compared_byte_by_byte,
        a_key_of_nobody_is_refused,
        ids_and_secrets_of_keys_are_taken_only_once,
        what_has_ended_is_returned_for_the_caller_to_judge,
        a_key_is_seen_by_its_owner_only,
        keys_are_listed_in_every_order,
        pages_of_keys_join_without_gap_or_repeat,
        keys_are_counted_until_they_expire,
        a_change_touches_what_it_names_alone,
        new_limits_take_the_place_of_all_old_ones,
        a_removed_key_is_gone_with_its_secrets,
        racing_removals_of_a_key_have_one_winner,
        deleting_a_user_takes_their_keys_along,
        a_rotated_key_keeps_everything_but_its_secret,
        old_secrets_end_when_they_are_told_to,
        a_rotation_of_an_earlier_state_does_nothing,
        racing_rotations_have_one_winner;
    "api keys" in api_key_uses:
        a_key_without_limits_is_always_allowed,
        a_quota_allows_so_many_in_a_window,
        a_window_that_has_ended_begins_anew_at_that_instant,
        a_refused_use_is_counted_by_no_limit,
        what_is_left_counts_down_to_none,
        a_refill_that_is_due_happens_with_the_use,
        a_refused_use_refills_nothing,
        racing_uses_of_the_last_place_have_one_winner,
        racing_uses_in_a_new_window_are_all_counted,
        racing_uses_after_a_refill_share_it,
        keys_are_counted_apart,
        a_removed_key_cannot_be_spent,
        uses_that_race_with_a_removal_never_bring_a_key_back,
        usage_adds_up_and_the_last_use_never_goes_back,
        concurrent_usage_is_all_added;
    "mailboxes" in mailboxes:
        a_mailbox_is_proved_only_while_it_is_the_user_s,
        an_address_changes_for_another_that_nobody_has,
        racing_changes_to_one_address_have_one_winner,
        every_way_of_a_user_to_sign_in_can_be_removed;
    "identifiers" in identifiers:
        every_identifier_survives_and_finds_its_user,
        an_identifier_is_taken_once_in_a_population,
        identifiers_change_and_nothing_else,
        racing_wishes_for_one_name_have_one_winner;
    "outbox" in outbox:
        every_field_of_a_message_survives,
        messages_come_when_they_are_due_and_in_that_order,
        a_message_is_claimed_by_who_has_seen_it_last,
        racing_claims_of_a_message_have_one_winner,
        the_backlog_is_counted,
        a_message_of_a_dropped_transaction_was_never_written;
    "codes" in codes:
        a_code_is_good_once,
        a_code_that_is_looked_at_stays_good,
        all_codes_of_a_user_are_ended_and_no_others,
        every_field_of_a_code_survives,
        an_unknown_code_is_not_good,
        code_hashes_are_compared_byte_by_byte,
        a_code_whose_expiry_has_come_is_not_good,
        a_new_code_takes_the_place_of_the_older_one,
        a_new_code_leaves_those_of_others_alone,
        a_code_of_nobody_is_refused,
        a_code_needs_a_session_of_its_own_user,
        a_code_hash_is_taken_only_once,
        a_code_goes_with_its_session,
        a_code_goes_with_its_user,
        racing_redemptions_of_a_code_have_one_winner,
        racing_codes_of_one_session_leave_one,
        no_code_outlives_its_session,
        a_code_redeemed_in_a_dropped_transaction_is_good,
        a_code_may_be_for_an_address_that_nobody_has,
        a_code_changes_hands_with_its_subject,
        tries_at_a_code_are_counted_and_a_new_code_starts_anew,
        racing_tries_at_a_code_are_all_counted;
    "signing_keys" in signing_keys:
        every_field_of_a_signing_key_survives,
        signing_keys_are_listed_newest_generation_first,
        a_key_that_verifies_nothing_any_more_is_not_listed,
        a_generation_is_taken_only_once,
        each_algorithm_has_generations_of_its_own,
        a_signing_key_id_is_taken_only_once,
        racing_keys_of_one_generation_have_one_winner,
        the_ends_of_a_key_come_forward_and_never_later,
        shortening_nothing_is_told,
        racing_shortenings_leave_the_earliest_ends,
        a_key_is_resealed_where_exactly_the_old_seal_stands,
        racing_resealings_have_one_winner;
    "refresh" in refresh:
        a_family_is_found_with_session_user_and_roles,
        every_field_of_a_family_survives,
        an_unknown_family_is_not_found,
        family_hashes_are_compared_byte_by_byte,
        a_family_takes_the_place_of_an_earlier_one,
        a_family_of_an_ended_session_is_refused,
        a_family_hash_is_taken_only_once,
        rotating_spends_the_token_and_keeps_the_rest,
        a_token_that_is_not_the_good_one_rotates_nothing,
        a_family_whose_expiry_has_come_is_not_rotated,
        what_has_expired_or_is_disabled_is_returned_for_the_caller_to_judge,
        several_roles_come_along_once_each,
        a_session_is_found_by_its_id_with_user_and_roles,
        a_family_is_ended_once_and_its_session_goes_on,
        a_family_goes_with_its_session,
        a_family_goes_with_its_user,
        racing_rotations_have_one_winner,
        racing_families_of_one_session_leave_one,
        racing_ends_of_a_family_have_one_winner,
        rotating_in_a_race_never_brings_a_family_back,
        no_family_outlives_its_session,
        a_rotation_in_a_dropped_transaction_spends_nothing;
    "audit" in audit:
        every_field_of_an_entry_survives,
        an_entry_survives_with_nothing_optional,
        an_entry_outlives_its_user,
        an_entry_is_never_overwritten,
        entries_of_others_are_not_listed,
        the_latest_entry_comes_first,
        pages_join_without_gap_or_repeat,
        a_page_begins_before_an_entry_of_anyone,
        a_limit_of_zero_lists_nothing;
    "retention" in retention:
        expired_sessions_are_pruned_and_no_others,
        counters_whose_window_has_ended_are_pruned_and_no_others,
        settled_counters_are_pruned,
        expired_keys_are_pruned_with_their_secrets_and_no_others,
        expired_secrets_are_pruned_and_their_keys_stay,
        expired_codes_are_pruned_and_no_others,
        signing_keys_that_verify_nothing_any_more_are_pruned_and_no_others,
        the_audit_trail_is_pruned_up_to_an_entry,
        the_audit_trail_is_pruned_by_time,
        a_batch_takes_no_more_than_its_limit,
        racing_batches_count_each_row_once,
        a_session_that_was_slid_in_time_is_not_pruned;
    "transactions" in transactions:
        a_committed_transaction_is_whole,
        a_dropped_transaction_leaves_nothing,
        a_dropped_transaction_changes_nothing,
        a_transaction_sees_its_own_changes,
        a_transaction_that_met_a_conflict_can_be_dropped,
        dropped_transactions_do_not_wear_the_store_out,
        connections_at_rest_hold_nothing,
        transactions_side_by_side_all_take_effect,
        a_reader_sees_all_of_a_transaction_or_nothing,
        a_claimed_login_holds_off_a_change_of_credentials,
        an_opened_session_holds_off_a_change_of_credentials,
        no_session_survives_a_change_of_credentials,
        no_session_survives_disabling,
        no_session_outlives_its_user;
};

#[cfg(all(test, feature = "memory"))]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::store::MemoryStore;

    #[tokio::test]
    async fn the_memory_store_keeps_every_rule() {
        for rule in rules() {
            rule.run(Arc::new(MemoryStore::new())).await;
        }
    }

    #[test]
    fn rules_have_names_of_their_own() {
        let names: BTreeSet<_> = rules().iter().map(Rule::name).collect();
        assert_eq!(names.len(), rules().len());
    }

    #[tokio::test]
    #[should_panic(expected = "the store breaks the rule `users::nobody_is_kept`: 1 is kept")]
    async fn a_broken_rule_is_named_with_what_was_found() {
        let rule = Rule { name: "users::nobody_is_kept", check: |_| Box::pin(async { panic!("{} is kept", 1) }) };
        rule.run(Arc::new(MemoryStore::new())).await;
    }
}
