//! Customers over HTTP.

use host::Core;
use kernel::CustomerId;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::{Answer, CreatedAnswer, Ctx, Json, ListQuery, Path, Query};

use super::{CUSTOMERS_READ, CUSTOMERS_WRITE, ChangeCustomer, CustomerFault, CustomerView, NewCustomer, Shown, Wanted};
use crate::customers;

/// Letters of a search: as many as the longest thing that it can find.
const SEARCH_LEN_MAX: usize = 254;

pub(super) fn routes() -> OpenApiRouter<Core> {
    OpenApiRouter::new()
        .routes(routes!(list_customers, create_customer))
        .routes(routes!(read_customer, change_customer))
        .routes(routes!(archive_customer))
        .routes(routes!(restore_customer))
}

/// Which customers to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CustomersQuery {
    /// Rows in a page, 1 to 100; 20 when absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u64>,
    /// `meta.next_cursor` of the page before.
    cursor: Option<String>,
    /// The beginning of a name, a mail address or an `external_ref`; letter case does not matter.
    #[param(max_length = 254)]
    q: Option<String>,
    /// `false` (the default) lists those in use, `true` the archived ones, `any` both.
    #[param(inline)]
    archived: Option<ArchivedQuery>,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ArchivedQuery {
    False,
    True,
    Any,
}

impl CustomersQuery {
    pub(super) fn page(&self) -> ListQuery {
        ListQuery { limit: self.limit, cursor: self.cursor.clone() }
    }

    pub(super) fn wanted(&self) -> Result<Wanted, kernel::Failure> {
        let mut check = kernel::Check::new();
        let search = self.q.as_deref().map(str::trim).filter(|text| !text.is_empty());
        check.text_if("q", search, 1..=SEARCH_LEN_MAX);
        check.done()?;
        let shown = match self.archived {
            None | Some(ArchivedQuery::False) => Shown::Active,
            Some(ArchivedQuery::True) => Shown::Archived,
            Some(ArchivedQuery::Any) => Shown::Both,
        };
        Ok(Wanted { search: search.map(str::to_owned), shown })
    }
}

/// List customers, newest first
#[utoipa::path(get, path = "/customers", tag = "customers", operation_id = "list_customers", params(CustomersQuery))]
async fn list_customers(ctx: Ctx, Query(query): Query<CustomersQuery>) -> Answer<Vec<CustomerView>, CustomerFault> {
    let (limit, after) = ctx.list(&query.page())?;
    let mut tx = ctx.begin(CUSTOMERS_READ).await?;
    let page = customers::list(&mut tx, &query.wanted()?, limit, after).await?;
    Ok(tx.page(page.map(CustomerView::from)).await?)
}

/// Add a customer
#[utoipa::path(post, path = "/customers", tag = "customers", operation_id = "create_customer", extensions(("x-permission" = json!("customers:write"))))]
async fn create_customer(ctx: Ctx, Json(new): Json<NewCustomer>) -> CreatedAnswer<CustomerView, CustomerFault> {
    let mut tx = ctx.begin(CUSTOMERS_WRITE).await?;
    let customer = customers::create(&mut tx, &new).await?;
    Ok(tx.created(customer.into()).await?)
}

/// Read one customer
#[utoipa::path(get, path = "/customers/{id}", tag = "customers", operation_id = "read_customer", params(("id" = CustomerId, Path)))]
async fn read_customer(ctx: Ctx, Path(id): Path<CustomerId>) -> Answer<CustomerView, CustomerFault> {
    let mut tx = ctx.begin(CUSTOMERS_READ).await?;
    let customer = customers::find(&mut tx, id).await?;
    Ok(tx.answer(customer.into()).await?)
}

/// Change a customer: what is left out stays, `null` clears
#[utoipa::path(patch, path = "/customers/{id}", tag = "customers", operation_id = "change_customer", params(("id" = CustomerId, Path)), extensions(("x-permission" = json!("customers:write"))))]
async fn change_customer(ctx: Ctx, Path(id): Path<CustomerId>, Json(asked): Json<ChangeCustomer>) -> Answer<CustomerView, CustomerFault> {
    let mut tx = ctx.begin(CUSTOMERS_WRITE).await?;
    let customer = customers::change(&mut tx, id, &asked).await?;
    Ok(tx.answer(customer.into()).await?)
}

/// Archive a customer; doing it twice keeps the first date
#[utoipa::path(post, path = "/customers/{id}/archive", tag = "customers", operation_id = "archive_customer", params(("id" = CustomerId, Path)))]
async fn archive_customer(ctx: Ctx, Path(id): Path<CustomerId>) -> Answer<CustomerView, CustomerFault> {
    let mut tx = ctx.begin(CUSTOMERS_WRITE).await?;
    let customer = customers::archive(&mut tx, id).await?;
    Ok(tx.answer(customer.into()).await?)
}

/// Bring an archived customer back
#[utoipa::path(post, path = "/customers/{id}/restore", tag = "customers", operation_id = "restore_customer", params(("id" = CustomerId, Path)))]
async fn restore_customer(ctx: Ctx, Path(id): Path<CustomerId>) -> Answer<CustomerView, CustomerFault> {
    let mut tx = ctx.begin(CUSTOMERS_WRITE).await?;
    let customer = customers::restore(&mut tx, id).await?;
    Ok(tx.answer(customer.into()).await?)
}
