//! Scripts: what a bank will answer, in order; the last answer repeats.

use kernel::Failure;
use sea_orm::{ActiveValue::Set, ColumnTrait as _, IntoActiveModel as _};
use serde_json::json;
use store::System;

use super::outcome::Outcome;
use super::tables::script::{ActiveModel, Column, Entity, Model};

async fn of(system: &System, method: &str) -> Result<Option<Model>, Failure> {
    Ok(system.find::<Entity>().filter(Column::PaymentMethod.eq(method)).for_update().one().await?)
}

/// Writes the script of a method, from its beginning.
pub async fn write(system: &mut System, method: &str, outcomes: &[String]) -> Result<(), Failure> {
    if let Some(known) = of(system, method).await? {
        let mut row = known.into_active_model();
        row.outcomes = Set(json!(outcomes));
        row.used = Set(0);
        system.update(row).await?;
        return Ok(());
    }
    let row = ActiveModel { payment_method: Set(method.to_owned()), outcomes: Set(json!(outcomes)), used: Set(0), ..Default::default() };
    system.insert(row).await?;
    Ok(())
}

/// What happens to the next charge of a method: its script, else what its token means.
pub async fn next(system: &mut System, method: &str) -> Result<Outcome, Failure> {
    let Some(script) = of(system, method).await? else { return Ok(Outcome::of_token(method)) };
    let outcomes: Vec<String> = serde_json::from_value(script.outcomes.clone()).unwrap_or_default();
    let place = usize::try_from(script.used).unwrap_or_default().min(outcomes.len().saturating_sub(1));
    let outcome = outcomes.get(place).and_then(|word| Outcome::read(word));
    let used = script.used;
    let mut row = script.into_active_model();
    row.used = Set(used.saturating_add(1));
    system.update(row).await?;
    Ok(outcome.unwrap_or_else(|| Outcome::of_token(method)))
}
