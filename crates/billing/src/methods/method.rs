//! The entity and its states.

use sea_orm::entity::prelude::*;

/// A row of `payment_methods`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment_methods")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    /// The connection it is known by; see [`crate::transactions::Source`].
    pub source: String,
    pub token: String,
    pub network: Option<String>,
    pub funding: Option<String>,
    pub country: Option<String>,
    pub issuer: Option<String>,
    pub last4: Option<String>,
    pub fingerprint: Option<String>,
    pub blocked_reason: Option<String>,
    pub exp_month: Option<i32>,
    pub exp_year: Option<i32>,
    pub state: String,
    pub customer_id: Option<Uuid>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}

/// What a method is good for, the strictest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MethodState {
    Usable,
    /// Its data is wrong or old; new data from the provider mends it.
    Stale,
    /// Never again without a new method.
    Blocked,
}

impl MethodState {
    pub const ALL: [Self; 3] = [Self::Usable, Self::Stale, Self::Blocked];

    /// As it is stored and sent.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usable => "usable",
            Self::Stale => "stale",
            Self::Blocked => "blocked",
        }
    }

    /// Blocked stays blocked: a method comes back only as another method.
    pub const fn may_become(self, next: Self) -> bool {
        !matches!((self, next), (Self::Blocked, Self::Usable | Self::Stale))
    }

    /// Reads a stored name; what cannot be read is not used.
    pub fn read(name: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.name() == name).unwrap_or(Self::Blocked)
    }
}

impl Model {
    pub fn state(&self) -> MethodState {
        MethodState::read(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blocked_method_never_comes_back() {
        assert!(!MethodState::Blocked.may_become(MethodState::Usable));
        assert!(MethodState::Stale.may_become(MethodState::Usable));
        assert_eq!(MethodState::read("rusty"), MethodState::Blocked);
    }
}
