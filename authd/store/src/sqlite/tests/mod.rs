//! The `SQLite` backend against the contract, and what is its own: groups, opening, plans.

mod decisions;
mod groups;
mod invalidations;
mod locks;
mod opening;
mod pictures;
mod plans;
mod purges;
mod rehearsals;
mod whole;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::open::Engine;
use super::{Options, Origin, open};
use crate::contract;
use crate::error::OpenError;
use crate::resource::Scope;
use crate::unit::{CommitListener, Store};

/// Keeps the scopes of every commit.
#[derive(Default)]
struct Heard(Mutex<Vec<Vec<Scope>>>);

impl CommitListener for Heard {
    fn committed(&self, scopes: &[Scope]) {
        self.0.lock().unwrap().push(scopes.to_vec());
    }
}

/// Options for a small database in a folder.
fn options(folder: &Path) -> Options {
    Options {
        readers: 2,
        busy_timeout: Duration::from_millis(50),
        ..Options::new(folder.join("authd.db"))
    }
}

fn open_in(folder: &Path) -> Result<(Store, Origin), OpenError> {
    open_with(options(folder), Engine::real())
}

fn open_with(options: Options, engine: Engine) -> Result<(Store, Origin), OpenError> {
    open::open(
        options,
        engine,
        Arc::new(Heard::default()),
        Box::new(|_| {}),
    )
}

/// Runs a part of the contract on an empty database, every second closure twice.
fn holds(part: fn(&Store)) {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        repeat_every: Some(2),
        ..options(folder.path())
    };
    let (store, origin) = open_with(options, Engine::real()).unwrap();
    assert_eq!(origin, Origin::Created);
    part(&store);
    store.close();
}

#[test]
fn tenants_read_back() {
    holds(contract::tenants_read_back);
}

#[test]
fn users_read_back() {
    holds(contract::users_read_back);
}

#[test]
fn s10_no_row_is_reached_through_another_tenant() {
    holds(contract::no_row_is_reached_through_another_tenant);
}

#[test]
fn rule_3_passwords_are_compared_and_swapped() {
    holds(contract::passwords_are_compared_and_swapped);
}

#[test]
fn sessions_live_and_end() {
    holds(contract::sessions_live_and_end);
}

#[test]
fn devices_come_and_go() {
    holds(contract::devices_come_and_go);
}

#[test]
fn rule_3_reservations_settle() {
    holds(contract::rule_3_reservations_settle);
}

#[test]
fn rule_2_locks_and_clears() {
    holds(contract::rule_2_locks_and_clears);
}

#[test]
fn rule_3_what_another_run_left_open_is_found() {
    holds(contract::rule_3_what_another_run_left_open_is_found);
}

#[test]
fn r16_locks_that_end_too_late_are_shortened() {
    holds(contract::r16_locks_that_end_too_late_are_shortened);
}

#[test]
fn counters_are_pruned_when_they_are_over() {
    holds(contract::counters_are_pruned_when_they_are_over);
}

#[test]
fn s07_attempts_read_back() {
    holds(contract::s07_attempts_read_back);
}

#[test]
fn attempts_are_counted_by_what_they_share() {
    holds(contract::attempts_are_counted_by_what_they_share);
}

#[test]
fn rule_5_a68_many_tries_fold_and_none_is_lost() {
    holds(contract::rule_5_a68_many_tries_fold_and_none_is_lost);
}

#[test]
fn rule_5_tries_during_a_lock_fold_at_once() {
    holds(contract::rule_5_tries_during_a_lock_fold_at_once);
}

#[test]
fn attempts_are_pruned_by_their_last_try() {
    holds(contract::attempts_are_pruned_by_their_last_try);
}

#[test]
fn rule_16_a_chain_is_listed_by_its_own_numbers() {
    holds(contract::rule_16_a_chain_is_listed_by_its_own_numbers);
}

#[test]
fn rule_30_audit_rows_are_chained() {
    holds(contract::rule_30_audit_rows_are_chained);
}

#[test]
fn keys_and_facts_read_back() {
    holds(contract::keys_and_facts_read_back);
}

#[test]
fn tenants_are_listed_by_slug() {
    holds(contract::tenants_are_listed_by_slug);
}

#[test]
fn users_are_listed_by_tenant_and_address() {
    holds(contract::users_are_listed_by_tenant_and_address);
}

#[test]
fn pages_of_users_join_up() {
    holds(contract::pages_of_users_join_up);
}

#[test]
fn sessions_are_listed_while_they_live() {
    holds(contract::sessions_are_listed_while_they_live);
}

#[test]
fn rule_2_locked_names_are_listed() {
    holds(contract::rule_2_locked_names_are_listed);
}

#[test]
fn attempts_are_listed_as_asked() {
    holds(contract::attempts_are_listed_as_asked);
}

#[test]
fn everything_is_counted() {
    holds(contract::everything_is_counted);
}

#[test]
fn rule_1_a_deleted_tenant_is_not_there_until_it_is_restored() {
    holds(contract::rule_1_a_deleted_tenant_is_not_there_until_it_is_restored);
}

#[test]
fn rule_19_access_to_a_tenant_ends_by_the_chunk() {
    holds(contract::rule_19_access_to_a_tenant_ends_by_the_chunk);
}

#[test]
fn a_purged_tenant_leaves_its_name() {
    holds(contract::a_purged_tenant_leaves_its_name);
}

#[test]
fn a_profile_is_written_in_its_own_tenant_alone() {
    holds(contract::a_profile_is_written_in_its_own_tenant_alone);
}

#[test]
fn a_tenant_changes_all_but_its_name() {
    holds(contract::a_tenant_changes_all_but_its_name);
}

#[test]
fn a62_a_lock_by_hand_is_a_field_of_its_own() {
    holds(contract::a62_a_lock_by_hand_is_a_field_of_its_own);
}

#[test]
fn usage_is_counted_a_tenant() {
    holds(contract::usage_is_counted_a_tenant);
}

#[test]
fn g9_a_deleted_user_takes_all_but_its_attempts() {
    holds(contract::g9_a_deleted_user_takes_all_but_its_attempts);
}

#[test]
fn roles_read_back() {
    holds(contract::roles_read_back);
}

#[test]
fn the_superadmin_is_built_in() {
    holds(contract::the_superadmin_is_built_in);
}

#[test]
fn a83_what_the_members_of_a_role_hold_is_known() {
    holds(contract::a83_what_the_members_of_a_role_hold_is_known);
}

#[test]
fn a_role_is_renamed_within_its_owner() {
    holds(contract::a_role_is_renamed_within_its_owner);
}

#[test]
fn a36_no_role_is_reached_through_another_tenant() {
    holds(contract::a36_no_role_is_reached_through_another_tenant);
}

#[test]
fn a82_a_role_made_again_has_no_members() {
    holds(contract::a82_a_role_made_again_has_no_members);
}

#[test]
fn members_of_a_role_can_be_given_another() {
    holds(contract::members_of_a_role_can_be_given_another);
}

#[test]
fn a82_a_permission_defined_again_is_in_no_role() {
    holds(contract::a82_a_permission_defined_again_is_in_no_role);
}

#[test]
fn a84_only_working_administrators_count() {
    holds(contract::a84_only_working_administrators_count);
}

#[test]
fn roles_are_listed_with_their_members() {
    holds(contract::roles_are_listed_with_their_members);
}

#[test]
fn users_are_found_by_what_they_hold() {
    holds(contract::users_are_found_by_what_they_hold);
}

#[test]
fn roles_are_found_and_counted_over_all_tenants() {
    holds(contract::roles_are_found_and_counted_over_all_tenants);
}

#[test]
fn rule_20_settings_read_back() {
    holds(contract::rule_20_settings_read_back);
}

#[test]
fn rule_20_rows_are_over_by_their_own_tenants_times() {
    holds(contract::rule_20_rows_are_over_by_their_own_tenants_times);
}

#[test]
fn rule_20_locks_are_shortened_by_tenant() {
    holds(contract::rule_20_locks_are_shortened_by_tenant);
}

#[test]
fn rule_19_floors_stand_beside_the_values() {
    holds(contract::rule_19_floors_stand_beside_the_values);
}

#[test]
fn rule_20_sessions_and_devices_of_one_tenant_are_found() {
    holds(contract::rule_20_sessions_and_devices_of_one_tenant_are_found);
}

#[test]
fn rule_22_a_newer_token_takes_the_place() {
    holds(contract::rule_22_a_newer_token_takes_the_place);
}

#[test]
fn rule_22_links_die_with_any_change() {
    holds(contract::rule_22_links_die_with_any_change);
}

#[test]
fn rule_19_a_closed_tenants_links_die() {
    holds(contract::rule_19_a_closed_tenants_links_die);
}

#[test]
fn a51_mails_are_counted_by_mailbox() {
    holds(contract::a51_mails_are_counted_by_mailbox);
}

#[test]
fn a51_what_a_user_was_told_is_counted_by_kind_and_user() {
    holds(contract::a51_what_a_user_was_told_is_counted_by_kind_and_user);
}

#[test]
fn rule_23_a_mail_is_tried_until_it_is_finished() {
    holds(contract::rule_23_a_mail_is_tried_until_it_is_finished);
}

#[test]
fn rule_22_earlier_mails_of_a_user_go_with_a_later_one() {
    holds(contract::rule_22_earlier_mails_of_a_user_go_with_a_later_one);
}

#[test]
fn v5_3_1_a_picture_takes_the_place_of_the_one_before() {
    holds(contract::v5_3_1_a_picture_takes_the_place_of_the_one_before);
}

#[test]
fn a_picture_of_a_deleted_tenant_is_not_there() {
    holds(contract::a_picture_of_a_deleted_tenant_is_not_there);
}

#[test]
fn rule_21_registrations_wait_beside_the_users() {
    holds(contract::rule_21_registrations_wait_beside_the_users);
}

#[test]
fn rule_21_tries_are_counted_before_they_are_evaluated() {
    holds(contract::rule_21_tries_are_counted_before_they_are_evaluated);
}

#[test]
fn rule_22_a_registration_has_one_living_token() {
    holds(contract::rule_22_a_registration_has_one_living_token);
}

#[test]
fn rule_25_a_new_address_waits_and_dies_with_any_change() {
    holds(contract::rule_25_a_new_address_waits_and_dies_with_any_change);
}

#[test]
fn rule_25_an_address_is_given_with_its_counter() {
    holds(contract::rule_25_an_address_is_given_with_its_counter);
}

#[test]
fn rule_19_what_waits_ends_with_its_tenant() {
    holds(contract::rule_19_what_waits_ends_with_its_tenant);
}

#[test]
fn registrations_are_listed_by_the_page() {
    holds(contract::registrations_are_listed_by_the_page);
}

#[test]
fn a_client_reads_back_in_its_tenant_alone() {
    holds(contract::a_client_reads_back_in_its_tenant_alone);
}

#[test]
fn a_client_is_changed_but_for_its_secrets_and_its_generation() {
    holds(contract::a_client_is_changed_but_for_its_secrets_and_its_generation);
}

#[test]
fn a83_clients_count_among_the_members_of_a_role() {
    holds(contract::a83_clients_count_among_the_members_of_a_role);
}

#[test]
fn secrets_of_a_client_follow_one_another() {
    holds(contract::secrets_of_a_client_follow_one_another);
}

#[test]
fn clients_are_listed_by_tenant_and_name() {
    holds(contract::clients_are_listed_by_tenant_and_name);
}

#[test]
fn roles_of_clients_go_with_the_role() {
    holds(contract::roles_of_clients_go_with_the_role);
}

#[test]
fn rule_19_clients_of_a_deleted_tenant_are_dead_and_stay_so() {
    holds(contract::rule_19_clients_of_a_deleted_tenant_are_dead_and_stay_so);
}

#[test]
fn a79_whatever_revokes_is_in_the_feed_once() {
    holds(contract::a79_whatever_revokes_is_in_the_feed_once);
}

#[test]
fn a79_numbers_of_events_are_never_given_twice() {
    holds(contract::a79_numbers_of_events_are_never_given_twice);
}

#[test]
fn a79_what_is_undone_takes_no_number() {
    holds(contract::a79_what_is_undone_takes_no_number);
}
