//! From what an event says of a payer to a customer.

use crm::{Customer, Known};
use kernel::{CustomerId, Failed, Failure};
use store::Tx;

use crate::provider::CustomerFacts;

/// The customer of an event, found or made. What does not read (a phone without a country, a
/// misspelled zone) is left out: a provider's data must not stop an event.
pub(super) async fn customer(tx: &mut Tx, facts: &CustomerFacts) -> Result<Option<CustomerId>, Failure> {
    Ok(met(tx, facts).await?.map(|customer| customer.customer_id()))
}

/// As [`customer`], with what is known of them.
pub(super) async fn met(tx: &mut Tx, facts: &CustomerFacts) -> Result<Option<Customer>, Failure> {
    if facts.is_empty() {
        return Ok(None);
    }
    let known = Known {
        name: facts.name.clone(),
        email: facts.email.as_deref().and_then(|text| text.parse().ok()),
        phone: facts.phone.as_deref().and_then(|text| text.parse().ok()),
        external_ref: facts.external_ref.clone(),
        timezone: facts.timezone.as_deref().and_then(|text| text.parse().ok()),
        locale: facts.locale.as_deref().and_then(|text| text.parse().ok()),
    };
    crm::customers::find_or_create(tx, known).await.map(Some).map_err(Failed::into_failure)
}
