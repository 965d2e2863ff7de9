//! `token inspect|revoke|denylist`.

use common::call::Change;
use common::call::token::{Denylist, Inspect, Revoke};
use common::view::{DeniedTokenView, TokenView};

use crate::args::{Format, Token};
use crate::commands::{Context, Paged, sentence};
use crate::error::Error;
use crate::exit::Exit;
use crate::output::Shape;
use crate::output::table::{Cell, Column, Shown};
use crate::{names, secret};

const TOKEN: Shape<TokenView> = Shape {
    kind: "token",
    columns: &[
        Column {
            heading: "SIGNATURE",
            shown: Shown::Always,
            cell: signature,
        },
        Column {
            heading: "REVOKED",
            shown: Shown::Always,
            cell: |t| Cell::Text(t.revoked.clone().unwrap_or_else(|| "no".to_owned())),
        },
        Column {
            heading: "EXPIRED",
            shown: Shown::Always,
            cell: |t| Cell::Flag(t.expired),
        },
        Column {
            heading: "ACCEPTED",
            shown: Shown::Always,
            cell: |t| Cell::Flag(t.accepted),
        },
        Column {
            heading: "TYPE",
            shown: Shown::Always,
            cell: |t| Cell::text(t.typ.as_deref()),
        },
        Column {
            heading: "ALGORITHM",
            shown: Shown::Always,
            cell: |t| Cell::text(t.alg.as_deref()),
        },
    ],
    keys: &[
        "alg",
        "typ",
        "kid",
        "signature",
        "accepted",
        "expired",
        "revoked",
        "claims",
    ],
    id: |t| {
        let jti = t.claims.get("jti").and_then(serde_json::Value::as_str);
        jti.unwrap_or_default().to_owned()
    },
    none: "no token",
};

const DENIED: Shape<DeniedTokenView> = Shape {
    kind: "token.denylist",
    columns: &[
        Column {
            heading: "JTI",
            shown: Shown::Always,
            cell: |t| Cell::Text(t.jti.clone()),
        },
        Column {
            heading: "REVOKED",
            shown: Shown::Always,
            cell: |t| Cell::Moment(t.revoked_at),
        },
        Column {
            heading: "EXPIRES",
            shown: Shown::Always,
            cell: |t| Cell::Moment(t.expires_at),
        },
        Column {
            heading: "REASON",
            shown: Shown::Always,
            cell: |t| Cell::text(t.reason.as_deref()),
        },
    ],
    keys: &["jti", "revoked_at", "expires_at", "reason"],
    id: |t| t.jti.clone(),
    none: "no token is denied",
};

fn signature(token: &TokenView) -> Cell {
    let key = token.kid.as_deref().unwrap_or("no key named");
    Cell::Text(match token.signature.as_str() {
        "unknown_key" => format!("of an unknown key ({key})"),
        other => format!("{other} ({key})"),
    })
}

impl Paged for Denylist {
    fn page(&mut self, rows: u32) {
        self.limit = Some(rows);
    }
    fn after(&mut self, cursor: String) {
        self.cursor = Some(cursor);
    }
}

/// Runs one of the commands.
pub(crate) async fn run(context: &mut Context, command: Token) -> Result<Exit, Error> {
    match command {
        Token::Inspect => inspect(context).await,
        Token::Revoke { tokens, reason } => revoke(context, &tokens, reason).await,
        Token::Denylist { list } => {
            let call = Denylist::default();
            context.list(call, &DENIED, &list, true).await
        }
    }
}

async fn inspect(context: &mut Context) -> Result<Exit, Error> {
    context.printer.check_columns(&TOKEN)?;
    let token = secret::token()?;
    let view = context.client.call(&Inspect { token }).await?;
    if matches!(context.printer.format, Format::Table | Format::Wide) {
        let claims = serde_json::to_string_pretty(&view.claims).map_err(|error| {
            Error::new(Exit::Failure, "internal", format!("cannot write: {error}"))
        })?;
        for line in claims.lines() {
            context.printer.line(line)?;
        }
    }
    context.printer.item(&TOKEN, &view)?;
    Ok(if view.accepted {
        Exit::Done
    } else {
        Exit::Unsound
    })
}

async fn revoke(
    context: &mut Context,
    arguments: &[String],
    reason: Option<String>,
) -> Result<Exit, Error> {
    let tokens = names::expand(arguments)?;
    let call = |jti: &str| Revoke {
        jti: jti.to_owned(),
        reason: reason.clone(),
    };
    let told = |change: &Change| {
        let subject = &change.subject;
        sentence(
            change,
            &format!("Revoked token {subject}"),
            &format!("Token {subject} is denied already"),
        )
    };
    context.each(&tokens, call, told).await
}
