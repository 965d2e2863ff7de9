//! The generator's loop over epoll. Sockets block when written to (a request fits into the socket's
//! buffer) and are read without waiting when epoll says that there is something.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write as _;
use std::net::TcpStream;
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use super::answer::{Incoming, member};
use super::outcome::{Outcome, Times};
use super::{Order, plan};
use crate::Result;
use crate::floor::own_time;

/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(60);
const LATE: &str = "no answer within a minute";
const READ_BYTES: usize = 16 * 1024;

/// Runs an order.
pub(super) fn run(order: &Order) -> Result<Outcome> {
    // Timers may be late by 50 µs otherwise, as much as an answer takes.
    rustix::thread::set_current_timer_slack(NonZeroU64::new(1))?;
    let requests = plan::read(&order.plan)?;
    let mut engine = Engine::connect(order, requests)?;
    let cpu = own_time();
    engine.started = Instant::now();
    engine.run()?;
    let seconds = engine.last.duration_since(engine.started).as_secs_f64();
    let used = own_time().saturating_sub(cpu).saturating_sub(engine.idle);
    let busy = used.as_secs_f64() / seconds.max(1e-9);
    Ok(Outcome {
        statuses: engine.statuses,
        seconds,
        times: Times::of(engine.good),
        refused: Times::of(engine.refused),
        complaint: engine.complaint,
        busy,
    })
}

/// One connection.
struct Lane {
    stream: TcpStream,
    incoming: Incoming,
    /// When the request that is under way was due.
    due: Option<Instant>,
    /// The request that its last answer asks for, in a chain.
    next: Option<Vec<u8>>,
}

struct Engine<'a> {
    order: &'a Order,
    requests: Vec<Vec<u8>>,
    epoll: OwnedFd,
    lanes: Vec<Lane>,
    started: Instant,
    last: Instant,
    /// Requests of the plan that were taken.
    taken: usize,
    /// Requests that were sent, or are due.
    begun: u64,
    under_way: usize,
    statuses: BTreeMap<u16, u64>,
    good: Vec<u64>,
    refused: Vec<u64>,
    complaint: String,
    /// Open loop: requests that are due and have no connection, and connections without a request.
    waiting: VecDeque<Instant>,
    free: Vec<usize>,
    /// What is read goes through here.
    buffer: Vec<u8>,
    /// Awake: since when there was nothing to read, and all such time.
    idle_since: Option<Instant>,
    idle: Duration,
}

impl<'a> Engine<'a> {
    fn connect(order: &'a Order, requests: Vec<Vec<u8>>) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let now = Instant::now();
        let mut engine = Self {
            order,
            requests,
            epoll,
            lanes: Vec::with_capacity(order.connections),
            started: now,
            last: now,
            taken: order.skip,
            begun: 0,
            under_way: 0,
            statuses: BTreeMap::new(),
            good: Vec::with_capacity(1 << 20),
            refused: Vec::new(),
            complaint: String::new(),
            waiting: VecDeque::new(),
            free: (0..order.connections).rev().collect(),
            buffer: vec![0; READ_BYTES],
            idle_since: None,
            idle: Duration::ZERO,
        };
        for index in 0..order.connections {
            let stream = engine.open(index)?;
            engine.lanes.push(Lane {
                stream,
                incoming: Incoming::default(),
                due: None,
                next: None,
            });
        }
        Ok(engine)
    }

    fn open(&self, index: usize) -> Result<TcpStream> {
        let stream = TcpStream::connect(self.order.address)?;
        stream.set_nodelay(true)?;
        let data = epoll::EventData::new_u64(u64::try_from(index)?);
        epoll::add(&self.epoll, &stream, data, epoll::EventFlags::IN)?;
        Ok(stream)
    }

    fn run(&mut self) -> Result<()> {
        if self.order.rate.is_none() {
            let now = Instant::now();
            for index in 0..self.lanes.len() {
                self.go_on(index, now)?;
            }
        }
        let mut events: Vec<epoll::Event> = Vec::with_capacity(1024);
        loop {
            let pause = self.fall_due()?;
            if self.under_way == 0 && pause.is_none() {
                return Ok(());
            }
            let patience = match pause {
                Some(pause) => pause,
                None if self.order.stays_awake => Duration::ZERO,
                None => PATIENCE,
            };
            let timeout = Timespec::try_from(patience)?;
            events.clear();
            let spare = rustix::buffer::spare_capacity(&mut events);
            match epoll::wait(&self.epoll, spare, Some(&timeout)) {
                Ok(0) if pause.is_none() && patience.is_zero() => self.idles()?,
                Ok(0) if pause.is_none() => return Err(LATE.into()),
                Ok(_) | Err(Errno::INTR) => self.works(),
                Err(error) => return Err(error.into()),
            }
            for event in events.drain(..) {
                let data = event.data;
                self.read(usize::try_from(data.u64())?)?;
            }
        }
    }

    /// Awake, there is nothing to read.
    fn idles(&mut self) -> Result<()> {
        let now = Instant::now();
        let since = *self.idle_since.get_or_insert(now);
        if now.duration_since(since) >= PATIENCE {
            return Err(LATE.into());
        }
        Ok(())
    }

    /// There is something to read again.
    fn works(&mut self) {
        if let Some(since) = self.idle_since.take() {
            self.idle += since.elapsed();
        }
    }

    /// Whether another request may begin.
    fn is_over(&self, now: Instant) -> bool {
        let order = self.order;
        order.requests.is_some_and(|most| self.begun >= most)
            || order
                .time
                .is_some_and(|time| now.duration_since(self.started) >= time)
    }

    /// Open loop: begins what is due, and says how long it is until the next; none where none will be.
    fn fall_due(&mut self) -> Result<Option<Duration>> {
        let Some(rate) = self.order.rate else {
            return Ok(None);
        };
        loop {
            let now = Instant::now();
            let offset = Duration::from_secs_f64(self.begun_seconds(rate));
            let due = self.started + offset;
            if self.is_over(due) {
                return Ok(None);
            }
            if due > now {
                return Ok(Some(due - now));
            }
            self.begun += 1;
            match self.free.pop() {
                Some(index) => self.send(index, due)?,
                None => self.waiting.push_back(due),
            }
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a count of requests is far below 2^53"
    )]
    fn begun_seconds(&self, rate: u32) -> f64 {
        self.begun as f64 / f64::from(rate)
    }

    /// A connection has its answer: what it does now.
    fn go_on(&mut self, index: usize, now: Instant) -> Result<()> {
        if self.order.rate.is_some() {
            match self.waiting.pop_front() {
                Some(due) => return self.send(index, due),
                None => self.free.push(index),
            }
            return Ok(());
        }
        if !self.is_over(now) {
            self.begun += 1;
            self.send(index, now)?;
        }
        Ok(())
    }

    fn send(&mut self, index: usize, due: Instant) -> Result<()> {
        let lane = self.lanes.get_mut(index).ok_or("no such connection")?;
        let planned = self.requests.get(self.taken % self.requests.len());
        let request = lane.next.as_ref().or(planned).ok_or("no request")?;
        if lane.next.is_none() {
            self.taken += 1;
        }
        lane.stream.write_all(request)?;
        lane.due = Some(due);
        self.under_way += 1;
        Ok(())
    }

    fn read(&mut self, index: usize) -> Result<()> {
        let lane = self.lanes.get_mut(index).ok_or("no such connection")?;
        let count = match recv(
            &lane.stream,
            self.buffer.as_mut_slice(),
            RecvFlags::DONTWAIT,
        ) {
            Ok((_, count)) => count,
            Err(Errno::AGAIN) => return Ok(()),
            Err(Errno::CONNRESET) => 0,
            Err(error) => return Err(error.into()),
        };
        if count == 0 {
            return self.closed(index);
        }
        lane.incoming
            .push(self.buffer.get(..count).ok_or("more than a buffer")?);
        let Some(answer) = lane.incoming.answer()? else {
            return Ok(());
        };
        let now = Instant::now();
        let due = lane.due.take().ok_or("an answer that nobody asked for")?;
        let took = u64::try_from(now.duration_since(due).as_nanos())?;
        let is_good = (200..300).contains(&answer.status);
        let (status, closes) = (answer.status, answer.closes);
        if !is_good && status != 503 && self.complaint.is_empty() {
            self.complaint = String::from_utf8_lossy(answer.body).into_owned();
        }
        if self.order.chains {
            let token = member(answer.body, "refresh_token")
                .ok_or_else(|| format!("no refresh token in an answer with status {status}"))?;
            lane.next = Some(plan::refresh(self.order.address, token));
        }
        lane.incoming.clear();
        self.last = now;
        self.under_way -= 1;
        *self.statuses.entry(status).or_default() += 1;
        if is_good {
            self.good.push(took);
        } else {
            self.refused.push(took);
        }
        if closes {
            self.reopen(index)?;
        }
        self.go_on(index, now)
    }

    /// The server hung up; a request that was under way got no answer.
    fn closed(&mut self, index: usize) -> Result<()> {
        let lane = self.lanes.get_mut(index).ok_or("no such connection")?;
        let was_under_way = lane.due.take().is_some();
        lane.incoming.clear();
        self.reopen(index)?;
        if was_under_way {
            self.under_way -= 1;
            self.last = Instant::now();
            *self.statuses.entry(0).or_default() += 1;
            self.go_on(index, self.last)?;
        }
        Ok(())
    }

    fn reopen(&mut self, index: usize) -> Result<()> {
        let stream = self.open(index)?;
        let lane = self.lanes.get_mut(index).ok_or("no such connection")?;
        // Closing the old one takes it out of epoll.
        lane.stream = stream;
        Ok(())
    }
}
