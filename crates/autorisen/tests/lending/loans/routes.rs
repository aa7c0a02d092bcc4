//! The routes: begin, one action, answer.

use autorisen::Core;
use autorisen::web::{Answer, CreatedAnswer, Ctx, Json, ListQuery, Path, Query};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::actions;
use super::loan::{LoanView, NewLoan};
use super::{LOANS_READ, LOANS_WRITE, LoanFault, LoanId};

pub fn routes() -> OpenApiRouter<Core> {
    OpenApiRouter::new().routes(routes!(list_loans, lend_book)).routes(routes!(return_book))
}

/// List what is lent and what came back
#[utoipa::path(get, path = "/loans", tag = "lending", params(ListQuery))]
async fn list_loans(ctx: Ctx, Query(query): Query<ListQuery>) -> Answer<Vec<LoanView>, LoanFault> {
    let (limit, after) = ctx.list(&query)?;
    let tx = ctx.begin(LOANS_READ).await?;
    let page = actions::list(&tx, limit, after).await?;
    Ok(tx.page(page.map(LoanView::from)).await?)
}

/// Lend a book
#[utoipa::path(post, path = "/loans", tag = "lending")]
async fn lend_book(ctx: Ctx, Json(new): Json<NewLoan>) -> CreatedAnswer<LoanView, LoanFault> {
    let mut tx = ctx.begin(LOANS_WRITE).await?;
    let loan = actions::lend(&mut tx, new).await?;
    Ok(tx.created(LoanView::from(loan)).await?)
}

/// Take a book back
#[utoipa::path(post, path = "/loans/{id}/return", tag = "lending", params(("id" = LoanId, Path)))]
async fn return_book(ctx: Ctx, Path(id): Path<LoanId>) -> Answer<LoanView, LoanFault> {
    let mut tx = ctx.begin(LOANS_WRITE).await?;
    let loan = actions::take_back(&mut tx, id).await?;
    Ok(tx.answer(LoanView::from(loan)).await?)
}
