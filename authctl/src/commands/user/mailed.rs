//! `user email|flag-compromised|reset-password|resend-invitation`: what mails something to users, or
//! prints a link instead.

use common::call::Change;
use common::call::user::{ChangeEmail, FlagCompromised, ResendInvitation, ResetPassword};
use common::units::format_duration;

use crate::args::{Many, UserReset};
use crate::commands::{Context, sentence};
use crate::confirm::Deed;
use crate::error::Error;
use crate::exit::Exit;
use crate::names;

/// Mails links for setting a new password, or prints them.
pub(super) async fn reset_password(
    context: &mut Context,
    wanted: UserReset,
) -> Result<Exit, Error> {
    let users = names::expand(&wanted.many.users)?;
    let tenant = context.settings.tenant.clone();
    let reason = wanted.many.reason;
    let (expires, print_link) = (wanted.expires, wanted.print_link);
    let call = |text: &str| ResetPassword {
        user: names::user(text, tenant.as_deref()),
        expires_seconds: expires.map(|life| life.as_secs()),
        print_link,
        reason: reason.clone(),
    };
    let now = context.printer.moments.now;
    let told = |change: &Change| {
        let life = expires.or_else(|| change.expires_at.map(|end| rounded(end.since(now))));
        let life = life.map_or_else(String::new, |life| {
            format!(" (expires in {})", format_duration(life))
        });
        let subject = &change.subject;
        let done = if print_link {
            format!("Made a link for {subject}{life}")
        } else {
            format!("Queued reset mail to {subject}{life}")
        };
        sentence(change, &done, &format!("No mail went to {subject}"))
    };
    context.each(&users, call, told).await
}

/// Voids passwords that somebody else knows.
pub(super) async fn flag_compromised(context: &mut Context, many: Many) -> Result<Exit, Error> {
    let from_stdin = names::from_stdin(&many.users);
    let users = names::expand(&many.users)?;
    let tenant = context.settings.tenant.clone();
    let what = match users.as_slice() {
        [one] => format!(
            "the password of {}",
            names::shown(&names::user(one, tenant.as_deref()))
        ),
        several => format!("the passwords of {} users", several.len()),
    };
    let deed = Deed {
        what: format!("void {what}"),
        question: format!("Void {what}? Sessions end, and a link for a new one is mailed."),
        answer: "--yes".to_owned(),
    };
    deed.ask(context.settings.flags.yes, from_stdin)?;
    let call = |text: &str| FlagCompromised {
        user: names::user(text, tenant.as_deref()),
        reason: many.reason.clone(),
    };
    let told = |change: &Change| {
        let subject = &change.subject;
        sentence(
            change,
            &format!("Voided the password of {subject}"),
            &format!("The password of {subject} is as it was"),
        )
    };
    context.each(&users, call, told).await
}

/// Mails a link to a user's new address, which takes the place of the present one when it is used.
pub(super) async fn email(
    context: &mut Context,
    user: &str,
    new: String,
    reason: Option<String>,
) -> Result<Exit, Error> {
    let call = ChangeEmail {
        user: names::user(user, context.settings.tenant.as_deref()),
        email: new.clone(),
        reason,
    };
    let change = context.client.call(&call).await?;
    let subject = &change.subject;
    let text = sentence(
        &change,
        &format!("Queued a confirmation to {new}, the new address of {subject}"),
        &format!("The address of {subject} stays as it is"),
    );
    context.printer.change(&change, &text)?;
    Ok(Exit::Done)
}

/// A time that both clocks were looked at for, to the minute.
fn rounded(life: std::time::Duration) -> std::time::Duration {
    let minutes = life.as_secs().saturating_add(30) / 60;
    std::time::Duration::from_secs(minutes.saturating_mul(60))
}

/// Mails invited users a new first password.
pub(super) async fn resend_invitation(context: &mut Context, many: Many) -> Result<Exit, Error> {
    let users = names::expand(&many.users)?;
    let tenant = context.settings.tenant.clone();
    let call = |text: &str| ResendInvitation {
        user: names::user(text, tenant.as_deref()),
        reason: many.reason.clone(),
    };
    let told = |change: &Change| {
        let subject = &change.subject;
        sentence(
            change,
            &format!("Queued an invitation to {subject}"),
            &format!("No mail went to {subject}"),
        )
    };
    context.each(&users, call, told).await
}
