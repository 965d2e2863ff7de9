//! Turns events of `tracing` into lines, with the fields of the spans that they happen in.

use std::fmt::Debug;
use std::sync::Arc;

use common::time::Clock;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event as TracingEvent, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::line::{Event, Fields, Format, text};
use super::queue::Queue;

/// The layer.
#[derive(Clone)]
pub(super) struct Lines {
    format: Format,
    clock: Arc<dyn Clock>,
    queue: Arc<Queue>,
}

impl Lines {
    /// Lines of a form, into a queue.
    pub(super) fn new(format: Format, clock: Arc<dyn Clock>, queue: Arc<Queue>) -> Self {
        Self {
            format,
            clock,
            queue,
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut collected = Collected::default();
            attributes.record(&mut collected);
            span.extensions_mut().insert(collected);
        }
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(collected) = span.extensions_mut().get_mut::<Collected>()
        {
            record.record(collected);
        }
    }

    fn on_event(&self, event: &TracingEvent<'_>, context: Context<'_, S>) {
        let mut fields = Fields::new();
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(collected) = span.extensions().get::<Collected>() {
                for (name, value) in &collected.fields {
                    // Spans come from within: what is nearer to the event stays.
                    fields.entry(name).or_insert_with(|| value.clone());
                }
            }
        }
        let mut own = Collected::default();
        event.record(&mut own);
        fields.extend(own.fields);
        let target = match fields.remove("log.target") {
            Some(Value::String(target)) => target,
            _ => event.metadata().target().to_owned(),
        };
        // What the bridge from the `log` crate adds about the source.
        fields.retain(|name, _| !name.starts_with("log."));
        self.queue.push(self.format.line(&Event {
            time: self.clock.now(),
            level: *event.metadata().level(),
            target,
            message: own.message,
            fields,
        }));
    }
}

/// Fields as they are recorded, the message apart.
#[derive(Debug, Default)]
struct Collected {
    message: String,
    fields: Fields,
}

impl Collected {
    fn put(&mut self, field: &Field, value: Value) {
        self.fields.insert(field.name(), value);
    }
}

impl Visit for Collected {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let value = text(value);
        if field.name() == "message" {
            self.message = value;
        } else {
            self.put(field, Value::String(value));
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::from(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::from(value));
    }
}
