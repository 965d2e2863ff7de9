//! From a letter to its words: subject, text and HTML, in the recipient's language. The operator's
//! own templates stand before the built-in ones; a broken one is told once, and not used.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use common::text::{is_forbidden, visible};
use domain::mail::Template;
use jiff::tz::TimeZone;
use minijinja::{Environment, HtmlEscape, UndefinedBehavior, Value, context};

use super::lines::folded;
use super::moment::moment;
use super::{Letter, Undelivered};
use super::{built_in, colour};

/// More than any template needs; what is larger is none.
const LIMIT_BYTES: u64 = 256 << 10;
/// Longest subject, in code points.
const LONGEST_SUBJECT: usize = 150;

/// What a mail says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Subject: one line.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML.
    pub html: String,
}

/// A template that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The file.
    pub path: PathBuf,
    /// Line, from 1, if it is known.
    pub line: Option<usize>,
    /// What is wrong with it.
    pub reason: String,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", visible(&self.path.to_string_lossy()))?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", visible(&self.reason))
    }
}

/// The templates: the operator's folder over the built-in ones.
#[derive(Debug, Default)]
pub struct Templates {
    folder: Option<PathBuf>,
    told: Mutex<HashSet<String>>,
}

impl Templates {
    /// Those of a folder over the built-in ones, which stand alone without it.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            told: Mutex::default(),
        }
    }

    /// Writes a letter. The folder is read anew each time, so that an edit needs no reload. What is
    /// broken is told and passed over: the tenant's own, then that of all tenants, then the built-in
    /// one, and the same in the next language.
    ///
    /// # Errors
    /// If even the built-in templates fail: a defect of this program.
    pub fn write(&self, letter: &Letter) -> Result<Words, Undelivered> {
        for language in languages(letter) {
            for shelf in self.shelves(letter, &language) {
                if !shelf.has(letter) {
                    continue;
                }
                match shelf.write(letter) {
                    Ok(words) => return Ok(words),
                    Err(broken) => self.tell(&broken),
                }
            }
        }
        Err(Undelivered {
            is_permanent: true,
            reason: "no template of it can be used".to_owned(),
        })
    }

    /// The shelves to try in a language, the best one first.
    fn shelves<'a>(&'a self, letter: &'a Letter, language: &'a str) -> [Shelf<'a>; 3] {
        let folder = self.folder.as_deref();
        let tenant = letter.facts.tenant.as_str();
        [(folder, tenant), (folder, ""), (None, "")].map(|(folder, tenant)| Shelf {
            folder,
            tenant,
            language,
        })
    }

    /// Says once what is wrong with a file, and again when something else is.
    fn tell(&self, broken: &Broken) {
        let line = broken.to_string();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert(line) {
            tracing::error!(%broken, "a mail template is not used; another one stands in");
        }
    }
}

/// Where the templates of one tenant in one language are looked for.
pub(super) struct Shelf<'a> {
    pub(super) folder: Option<&'a Path>,
    pub(super) tenant: &'a str,
    pub(super) language: &'a str,
}

impl Shelf<'_> {
    /// Whether all parts of a letter's template are there in this language, what they include left
    /// out.
    fn has(&self, letter: &Letter) -> bool {
        parts(letter).iter().all(|name| {
            built_in::template(self.language, name).is_some()
                || self.paths(name).iter().any(|path| path.is_file())
        })
    }

    /// The files that may hold a template, the first one wins.
    fn paths(&self, name: &str) -> Vec<PathBuf> {
        let Some(folder) = self.folder else {
            return Vec::new();
        };
        // A slug is a plain name; whatever else came here must not lead elsewhere.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let has_own = !self.tenant.is_empty() && self.tenant.chars().all(is_plain);
        let own = has_own.then(|| folder.join(self.tenant));
        let mut paths = Vec::new();
        for place in own.into_iter().chain([folder.to_path_buf()]) {
            paths.push(place.join(self.language).join(name));
            if built_in::shared(name).is_some() {
                paths.push(place.join(name));
            }
        }
        paths
    }

    /// Where a template comes from, for messages; empty for a built-in one.
    fn place(&self, name: &str) -> PathBuf {
        let found = self.paths(name).into_iter().find(|path| path.is_file());
        found.unwrap_or_else(|| PathBuf::from(format!("{}/{name}", self.language)))
    }

    /// Fills in all parts of a letter.
    pub(super) fn write(&self, letter: &Letter) -> Result<Words, Broken> {
        let environment = self.environment();
        let facts = facts(letter, self.language);
        let [subject, text, html] = parts(letter);
        let fill = |name: &str| {
            environment
                .get_template(name)
                .and_then(|template| template.render(&facts))
                .map_err(|error| self.broken(name, &error))
        };
        let words = Words {
            subject: one_line(&fill(&subject)?),
            text: folded(&fill(&text)?),
            html: fill(&html)?,
        };
        self.complete(letter, &words)?;
        Ok(words)
    }

    fn broken(&self, name: &str, error: &minijinja::Error) -> Broken {
        let at_fault = error.name().unwrap_or(name);
        let mut reason = error.kind().to_string();
        if let Some(detail) = error.detail() {
            reason = format!("{reason}: {detail}");
        }
        Broken {
            path: self.place(at_fault),
            line: error.line(),
            reason,
        }
    }

    /// A mail without its link or password helps nobody.
    fn complete(&self, letter: &Letter, words: &Words) -> Result<(), Broken> {
        let [subject, text, html] = parts(letter);
        let lacks = |name: &str, reason: &str| Broken {
            path: self.place(name),
            line: None,
            reason: reason.to_owned(),
        };
        if words.subject.is_empty() {
            return Err(lacks(&subject, "the subject is empty"));
        }
        let needs_them = letter.template == Template::Invitation || letter.template.has_link();
        if !needs_them {
            return Ok(());
        }
        for (secret, what) in [
            (&letter.facts.link, "does not show {{ link }}"),
            (&letter.facts.password, "does not show {{ password }}"),
        ] {
            let Some(secret) = secret else { continue };
            let plain = secret.expose().as_str();
            if !words.text.contains(plain) {
                return Err(lacks(&text, what));
            }
            if !words.html.contains(&HtmlEscape(plain).to_string()) {
                return Err(lacks(&html, what));
            }
        }
        Ok(())
    }

    fn environment(&self) -> Environment<'static> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let language = self.language.to_owned();
        let shelf = Arc::new((
            self.folder.map(Path::to_path_buf),
            self.tenant.to_owned(),
            language,
        ));
        environment.set_loader(move |name| {
            let (folder, tenant, language) = shelf.as_ref();
            let shelf = Shelf {
                folder: folder.as_deref(),
                tenant,
                language,
            };
            shelf.load(name)
        });
        environment
    }

    fn load(&self, name: &str) -> Result<Option<String>, minijinja::Error> {
        // Templates name one another; a name is no way out of the folder.
        if name.contains(['/', '\\']) || name.starts_with('.') {
            return Ok(None);
        }
        for path in self.paths(name) {
            match read(&path) {
                Ok(text) => return Ok(Some(text)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let kind = minijinja::ErrorKind::InvalidOperation;
                    return Err(minijinja::Error::new(kind, error.to_string()));
                }
            }
        }
        let text = built_in::template(self.language, name)
            .or_else(|| built_in::shared(name))
            .or_else(|| built_in::template(built_in::LANGUAGE, name));
        Ok(text.map(str::to_owned))
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("is not a regular file"));
    }
    file.take(LIMIT_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LIMIT_BYTES {
        return Err(io::Error::other("is larger than 256 KiB"));
    }
    Ok(text)
}

/// Names of the parts of a letter's template: subject, text, HTML.
fn parts(letter: &Letter) -> [String; 3] {
    let name = letter.template.as_str();
    ["subject.txt", "txt", "html"].map(|part| format!("{name}.{part}"))
}

/// The languages to try, the best one first: `de-AT`, `de`, those of the tenant, the built-in one.
fn languages(letter: &Letter) -> Vec<String> {
    let mut found = Vec::new();
    let wanted = [&letter.locale, &letter.look.language];
    for tag in wanted.into_iter().flatten() {
        let is_tag = (2..=35).contains(&tag.len())
            && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if is_tag {
            let primary = tag.split('-').next().unwrap_or(tag);
            found.extend([tag.clone(), primary.to_ascii_lowercase()]);
        }
    }
    found.push(built_in::LANGUAGE.to_owned());
    let mut seen = HashSet::new();
    found.retain(|language| seen.insert(language.clone()));
    found
}

/// What templates may name: always all of it, without a value where there is none.
fn facts(letter: &Letter, language: &str) -> Value {
    let (facts, look) = (&letter.facts, &letter.look);
    let zone = TimeZone::get(&facts.time_zone).unwrap_or(TimeZone::UTC);
    let secret = |secret: &Option<common::secret::Secret<String>>| {
        secret.as_ref().map(|secret| secret.expose().clone())
    };
    context! {
        language => language,
        accent => look.accent.as_deref(),
        on_accent => look.accent.as_deref().map(colour::readable_on),
        support => look.support.as_deref().map(shown).filter(|line| !line.is_empty()),
        tenant => shown(&facts.tenant),
        tenant_name => shown(&facts.tenant_name),
        email => letter.to.as_str(),
        name => facts.name.as_deref().map(shown).filter(|name| !name.is_empty()),
        link => secret(&facts.link),
        password => secret(&facts.password),
        expires_at => facts.expires_at.map(|time| moment(time, &zone, language)),
        at => moment(facts.at, &zone, language),
        ip => facts.ip.as_deref().map(shown),
        device => facts.device.as_deref().map(shown).filter(|device| !device.is_empty()),
    }
}

/// A text in one line, without characters that steer a screen.
pub(super) fn shown(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| if is_forbidden(c) { ' ' } else { c })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn one_line(subject: &str) -> String {
    shown(subject).chars().take(LONGEST_SUBJECT).collect()
}
