//! News from the other processes: what was told about a topic, or that something may have been
//! missed.

use std::sync::Arc;

use tokio::sync::broadcast::{self, Receiver, Sender, error::RecvError};

/// News that wait for a slow listener; one that falls further behind is told that it missed some.
const WAITING_MAX: usize = 256;

/// What a listener learns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    Told(Arc<str>),
    /// The line was broken, or the listener was too slow: anything may have been told meanwhile.
    Missed,
}

#[derive(Debug, Clone)]
struct Item {
    topic: Arc<str>,
    heard: Heard,
}

/// Hands news to whoever listens in this process.
pub(super) struct News(Sender<Item>);

impl Default for News {
    fn default() -> Self {
        Self(broadcast::channel(WAITING_MAX).0)
    }
}

impl News {
    pub fn hear(&self, topic: &'static str) -> Ear {
        Ear { topic, inbox: self.0.subscribe() }
    }

    pub fn told(&self, topic: &str, text: &str) {
        // Nobody listens in a process that runs no such service.
        let _ = self.0.send(Item { topic: topic.into(), heard: Heard::Told(text.into()) });
    }

    pub fn missed(&self) {
        let _ = self.0.send(Item { topic: "".into(), heard: Heard::Missed });
    }
}

/// Listens to one topic.
pub struct Ear {
    topic: &'static str,
    inbox: Receiver<Item>,
}

impl Ear {
    /// The next that concerns the topic. Waits for ever where nobody can tell anything. May be
    /// dropped while it waits, without losing anything.
    pub async fn next(&mut self) -> Heard {
        loop {
            match self.inbox.recv().await {
                Ok(item) if item.heard == Heard::Missed || *item.topic == *self.topic => return item.heard,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return Heard::Missed,
                // The store is gone, and the process with it.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listener_hears_its_topic_and_of_every_gap() {
        let news = News::default();
        let mut ear = news.hear("doors");
        news.told("windows", "1");
        news.told("doors", "2");
        news.missed();
        assert_eq!((ear.next().await, ear.next().await), (Heard::Told("2".into()), Heard::Missed));
    }

    #[tokio::test]
    async fn a_listener_who_falls_behind_is_told_so() {
        let news = News::default();
        let mut ear = news.hear("doors");
        for number in 0..=WAITING_MAX {
            news.told("doors", &number.to_string());
        }
        assert_eq!(ear.next().await, Heard::Missed);
    }
}
