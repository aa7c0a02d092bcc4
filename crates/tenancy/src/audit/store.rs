//! Queries.

use kernel::{After, Limit, Page};
use sea_orm::{ColumnTrait as _, Condition};
use store::audit::line::{Column, Entity, Model};
use store::{StoreError, Tx};

use super::query::{Action, Actor, Filters, Subject};

pub(super) async fn list(tx: &mut Tx, filters: &Filters, limit: Limit, after: Option<After>) -> Result<Page<Model>, StoreError> {
    let place = |row: &Model| After { at: row.created_at, id: row.id };
    tx.find::<Entity>().filter(condition(filters)).page(limit, after.as_ref(), Column::CreatedAt, place).await
}

fn condition(filters: &Filters) -> Condition {
    let action = filters.action.as_ref().map(|action| match action {
        Action::Exactly(action) => Condition::all().add(Column::Action.eq(action)),
        Action::Within(from, to) => Condition::all().add(Column::Action.gte(from)).add(Column::Action.lt(to)),
    });
    let subject = filters.subject.as_ref().map(|subject| match subject {
        Subject::Id(id) => Column::SubjectId.eq(*id),
        Subject::Kind(kind) => Column::SubjectKind.eq(kind),
    });
    let actor = filters.actor.as_ref().map(|actor| match actor {
        Actor::Id(id) => Column::ActorId.eq(id),
        Actor::Kind(kind) => Column::ActorKind.eq(kind),
    });
    Condition::all()
        .add_option(action)
        .add_option(subject)
        .add_option(actor)
        .add_option(filters.from.map(|at| Column::CreatedAt.gte(at)))
        .add_option(filters.to.map(|at| Column::CreatedAt.lt(at)))
}
