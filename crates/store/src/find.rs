//! The typed query of both doors. In the tenant door it is born with the organization's filter.

use kernel::{After, Limit, Page};
use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait as _, IntoCondition, Order};
use sea_orm::{
    ColumnTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, QueryTrait as _, Select, TryGetable,
};

use crate::model::Readable;
use crate::session::Session;
use crate::{Engine, StoreError};

/// A query in the making; one of the methods that end it runs it.
#[must_use = "a query runs only when it is ended by all, one, count, sum, exists or page"]
pub struct Find<'t, E: Readable> {
    session: &'t Session,
    select: Select<E>,
    id: E::Column,
}

impl<'t, E: Readable> Find<'t, E> {
    pub(crate) fn new(session: &'t Session, select: Select<E>, id: E::Column) -> Self {
        Self { session, select, id }
    }

    /// Keeps the rows that meet `condition`.
    pub fn filter(mut self, condition: impl IntoCondition) -> Self {
        self.select = self.select.filter(condition);
        self
    }

    /// Sorts; repeated calls sort within the earlier order.
    pub fn order_by(mut self, column: E::Column, order: Order) -> Self {
        self.select = self.select.order_by(column, order);
        self
    }

    /// Newest first by `(at, id)`, the order that [`Find::after`] goes on in.
    pub fn newest(self, at: E::Column) -> Self {
        let id = self.id;
        self.order_by(at, Order::Desc).order_by(id, Order::Desc)
    }

    /// Keeps the rows behind the last one of the page before, newest first by `(at, id)`.
    pub fn after(self, after: &After, at: E::Column) -> Self {
        let same_instant = Condition::all().add(at.eq(after.at)).add(self.id.lt(after.id));
        self.filter(Condition::any().add(at.lt(after.at)).add(same_instant))
    }

    /// At most `rows`.
    pub fn limit(mut self, rows: u64) -> Self {
        self.select = self.select.limit(rows);
        self
    }

    /// Locks the rows until the end of the transaction. SQLite has one writer, which is the same.
    pub fn for_update(mut self) -> Self {
        if self.session.engine() == Engine::Postgres {
            self.select = self.select.lock_exclusive();
        }
        self
    }

    /// Writes rows of this table that wait for the commit, so that they are found.
    async fn settle(&self) -> Result<(), StoreError> {
        let table = E::default();
        self.session.settle(|late| late == table.table_name()).await
    }

    /// Every row.
    pub async fn all(self) -> Result<Vec<E::Model>, StoreError> {
        self.settle().await?;
        self.session.models::<E>(self.select.build(self.session.engine().backend())).await
    }

    /// The first row, if there is one.
    pub async fn one(self) -> Result<Option<E::Model>, StoreError> {
        self.settle().await?;
        self.session.model::<E>(self.select.limit(1).build(self.session.engine().backend())).await
    }

    /// How many rows there are.
    pub async fn count(self) -> Result<u64, StoreError>
    where
        E::Model: Sync,
    {
        self.settle().await?;
        Ok(self.select.count(self.session).await?)
    }

    /// Whether there is any row.
    pub async fn exists(self) -> Result<bool, StoreError> {
        self.settle().await?;
        let found = self.select.select_only().column(self.id).limit(1).into_tuple::<uuid::Uuid>().one(self.session).await?;
        Ok(found.is_some())
    }

    /// The sum of a column of whole numbers; nothing sums to zero.
    pub async fn sum<T: TryGetable + Default>(self, column: E::Column) -> Result<T, StoreError> {
        self.settle().await?;
        // The engines give a sum different types; the cast makes them agree.
        let sum = Expr::expr(column.sum()).cast_as(Alias::new("bigint"));
        let found = self.select.select_only().expr(sum).into_tuple::<Option<T>>().one(self.session).await?;
        Ok(found.flatten().unwrap_or_default())
    }

    /// One page, newest first by `(at, id)`; `place` reads both off a row.
    pub async fn page(
        self,
        limit: Limit,
        after: Option<&After>,
        at: E::Column,
        place: impl Fn(&E::Model) -> After,
    ) -> Result<Page<E::Model>, StoreError> {
        let find = match after {
            Some(after) => self.after(after, at),
            None => self,
        };
        // One row more than asked for tells whether there is a next page.
        let rows = find.newest(at).limit(limit.get() + 1).all().await?;
        Ok(Page::cut(rows, limit, place))
    }
}
