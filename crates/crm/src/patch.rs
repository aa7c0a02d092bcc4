//! One field of a change: left out, cleared, or set.

use serde::{Deserialize, Deserializer};

/// What a `PATCH` says about a field that may be empty. Mark the field `#[serde(default)]`: a field
/// that is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Patch<T> {
    #[default]
    Keep,
    /// `null` on the wire.
    Clear,
    Set(T),
}

impl<T> Patch<T> {
    /// The new value (`None` clears), or nothing when the field stays.
    pub fn given(&self) -> Option<Option<&T>> {
        match self {
            Self::Keep => None,
            Self::Clear => Some(None),
            Self::Set(value) => Some(Some(value)),
        }
    }
}

/// A form's field: empty means that there is nothing.
impl<T> From<Option<T>> for Patch<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Clear, Self::Set)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::from)
    }
}
