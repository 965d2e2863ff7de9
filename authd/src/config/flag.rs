//! Values from `--set key=value`: the value as TOML, else as the plain text that a shell gives.

use toml::de::DeValue;

use super::fault::{Fault, Origin};
use super::file::unknown_key;
use super::find;
use super::key::Kind;
use super::read;
use super::value::{Value, Values};

/// Puts the settings over what is there; returns what is wrong with them.
pub(super) fn apply(settings: &[String], values: &mut Values) -> Vec<Fault> {
    settings
        .iter()
        .filter_map(|setting| apply_one(setting, values).err())
        .map(|fault| *fault)
        .collect()
}

fn apply_one(setting: &str, values: &mut Values) -> Result<(), Box<Fault>> {
    let (name, text) = setting
        .split_once('=')
        .map(|(name, text)| (name.trim(), text.trim()))
        .ok_or_else(|| {
            let fault = Fault::new("expected KEY=VALUE, like --set api.listen=127.0.0.1:8440");
            Box::new(fault.at(Origin::Flag(setting.to_owned())))
        })?;
    let origin = Origin::Flag(name.to_owned());
    let key = find(name).ok_or_else(|| Box::new(unknown_key(name).at(origin.clone())))?;
    let value = value_of(key.kind, text).map_err(|why| {
        let fault = Fault::new(format!("\"{name}\" {why}"));
        Box::new(fault.of(name).at(origin.clone()))
    })?;
    values.set(key.name, value, origin);
    Ok(())
}

fn value_of(kind: Kind, text: &str) -> Result<Value, String> {
    let Ok(value) = DeValue::parse(text) else {
        return read::from_text(kind, text);
    };
    // A text without quotes that happens to be TOML of another type: a slug `2024`, a uid `1000`.
    let is_bare = !matches!(
        value.get_ref(),
        DeValue::String(_) | DeValue::Array(_) | DeValue::Table(_)
    );
    let takes_text = matches!(kind, Kind::Text(_) | Kind::Choice(_) | Kind::List { .. });
    if is_bare && takes_text {
        return read::from_text(kind, text);
    }
    read::from_toml(kind, &value).map_err(|refusals| {
        let reasons: Vec<String> = refusals.into_iter().map(|refusal| refusal.why).collect();
        reasons.join("; ")
    })
}
