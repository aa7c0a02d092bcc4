//! Rows become models by position.
//!
//! The ORM's own way asks each row for each column by its name, and words an error for every `NULL`
//! before it turns that into nothing: a seventh of a list. A select of this room names the entity's
//! columns in their order, so that a row is read by counting.

use sea_orm::sea_query::{ArrayType, Query, ReturningClause};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, DbBackend, DbErr, EntityTrait, FromQueryResult as _, Iterable as _, ModelTrait as _,
    QueryResult, TryIntoModel, Value,
};
use sqlx::Row as _;

use crate::error::to_db_err;

/// Entities whose models can be put together column by column; every derived one.
pub trait Readable: EntityTrait<ActiveModel: TryIntoModel<<Self as EntityTrait>::Model>> {}

impl<E: EntityTrait<ActiveModel: TryIntoModel<<E as EntityTrait>::Model>>> Readable for E {}

/// What a column holds.
#[derive(Clone, Copy)]
enum Kind {
    Bool,
    Int,
    BigInt,
    Text,
    Id,
    Instant,
    Json,
}

impl Kind {
    fn of(kind: &ArrayType) -> Option<Self> {
        Some(match kind {
            ArrayType::Bool => Self::Bool,
            ArrayType::Int => Self::Int,
            ArrayType::BigInt => Self::BigInt,
            ArrayType::String => Self::Text,
            ArrayType::Uuid => Self::Id,
            ArrayType::ChronoDateTimeUtc => Self::Instant,
            ArrayType::Json => Self::Json,
            _ => return None,
        })
    }
}

/// The columns of an entity in the order in which a select of it names them.
pub(crate) struct Reader<E: EntityTrait> {
    columns: Option<Vec<(E::Column, Kind)>>,
}

impl<E: Readable> Reader<E> {
    pub(crate) fn new() -> Self {
        let kind = |column: E::Column| Kind::of(&E::Model::get_value_type(column)).map(|kind| (column, kind));
        Self { columns: E::Column::iter().map(kind).collect() }
    }

    /// One row. An entity with a column of a rarer kind is read by name.
    pub(crate) fn read(&self, row: &QueryResult) -> Result<E::Model, DbErr> {
        let Some(columns) = &self.columns else { return E::Model::from_query_result(row, "") };
        let mut model = <E::ActiveModel as sea_orm::ActiveModelTrait>::default();
        for (at, (column, kind)) in columns.iter().enumerate() {
            model.try_set(*column, value(row, at, *kind)?)?;
        }
        model.try_into_model()
    }
}

/// The value of a column, whichever driver the row is from.
macro_rules! value {
    ($row:ident, $at:ident, $kind:ident) => {
        match $kind {
            Kind::Bool => $row.try_get($at).map(Value::Bool),
            Kind::Int => $row.try_get($at).map(Value::Int),
            Kind::BigInt => $row.try_get($at).map(Value::BigInt),
            Kind::Text => $row.try_get($at).map(Value::String),
            Kind::Id => $row.try_get($at).map(Value::Uuid),
            Kind::Instant => $row.try_get($at).map(Value::ChronoDateTimeUtc),
            Kind::Json => $row.try_get::<Option<serde_json::Value>, _>($at).map(|json| Value::Json(json.map(Box::new))),
        }
    };
}

fn value(row: &QueryResult, at: usize, kind: Kind) -> Result<Value, DbErr> {
    let read = match (row.try_as_pg_row(), row.try_as_sqlite_row()) {
        (Some(row), _) => value!(row, at, kind),
        (None, Some(row)) => value!(row, at, kind),
        (None, None) => return Err(DbErr::Type("a row of neither engine".to_owned())),
    };
    read.map_err(to_db_err)
}

/// Asks a write for its row, in the order that a [`Reader`] counts in. Never `*`: Postgres refuses a
/// prepared statement whose columns have become more since, and a newer version may add some while
/// this one serves.
pub(crate) fn returning<E: EntityTrait>(backend: DbBackend) -> ReturningClause {
    Query::returning().exprs(E::Column::iter().map(|column| column.select_as(column.into_returning_expr(backend))))
}
