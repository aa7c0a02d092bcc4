//! The names of providers on the wire.

use std::fmt;
use std::str::FromStr;

/// Known names without an adapter in this build: they answer 503 instead of 404.
const LATER: [&str; 3] = ["razorpay", "payfast", "paystack"];

/// A provider that has an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProviderName {
    Stripe,
    /// The provider in this program: Stripe-shaped, scripted, never in production.
    Sandbox,
}

impl ProviderName {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Sandbox => "sandbox",
        }
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text names no provider that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoProvider {
    /// The name is known, its adapter is not in this build.
    NotConfigured,
    Unknown,
}

impl FromStr for ProviderName {
    type Err = NoProvider;

    fn from_str(text: &str) -> Result<Self, NoProvider> {
        match text {
            "stripe" => Ok(Self::Stripe),
            "sandbox" => Ok(Self::Sandbox),
            later if LATER.contains(&later) => Err(NoProvider::NotConfigured),
            _ => Err(NoProvider::Unknown),
        }
    }
}
