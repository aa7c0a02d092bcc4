//! What the two doors do for everyone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::Duration;
use futures::future::BoxFuture;
use kernel::{Actor, After, EventId, Failure, Limit, RequestId};
use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::Order;
use sea_orm::{ColumnTrait as _, FromQueryResult, IntoActiveModel as _};
use serde::{Deserialize, Serialize};
use store::{AuditLine, Listeners, Mode, Pin, StoreError, StoredEvent, SystemSql, TenantSql, Tx, Who};
use uuid::Uuid;

use crate::world::{ACME, GLOBEX, account, customer, new_customer, note, story};

#[derive(FromQueryResult, Debug, PartialEq)]
struct Row {
    name: String,
    quantity: i64,
}

const RAISE: TenantSql = TenantSql::both("update customers set quantity = quantity + $2 where org_id = $1 and name = $3");
const LIST: TenantSql = TenantSql::both("select name, quantity from customers where org_id = $1 and quantity > $2 order by name");
const COPY: TenantSql = TenantSql::both(
    "insert into customers (id, org_id, name, quantity, created_at, updated_at, version) \
     select $2, $1, name || '!', quantity, created_at, updated_at, 1 from customers where org_id = $1",
);
const ALL: SystemSql = SystemSql::both("select name, quantity from customers where quantity > $1 order by name");

story!(plain_sql_reads_and_writes_through_both_doors, world, {
    let mut tx = world.tx(ACME).await;
    assert_eq!(tx.sql(RAISE.bind(4i64).bind("ann")).await.unwrap(), 1);
    assert_eq!(tx.sql(RAISE.bind(4i64).bind("bob")).await.unwrap(), 0, "bob is another's");
    assert_eq!(tx.sql(COPY.bind(Uuid::from_u128(5))).await.unwrap(), 1);
    let rows: Vec<Row> = tx.sql_all(LIST.bind(0i64)).await.unwrap();
    assert_eq!(rows, [Row { name: "ann".into(), quantity: 7 }, Row { name: "ann!".into(), quantity: 7 }]);
    assert!(tx.sql_one::<Row>(LIST.bind(100i64)).await.unwrap().is_none());
    tx.commit().await.unwrap();
    let mut system = world.store.system_read("look at all").await.unwrap();
    let names: Vec<String> = system.sql_all::<Row>(ALL.bind(0i64)).await.unwrap().into_iter().map(|row| row.name).collect();
    assert_eq!(names, ["ann", "ann!", "bob"]);
});

/// Handlers are spawned, so whatever a transaction does must be `Send`. That it compiles is the test.
#[test]
fn every_future_of_a_transaction_can_be_sent() {
    fn sendable<F: Future + Send>(_: impl Fn(Tx) -> F) {}
    sendable(|mut tx: Tx| async move {
        let row = tx.insert(new_customer("x")).await?;
        tx.insert_or_ignore(new_customer("x"), &[customer::Column::OrgId, customer::Column::Name]).await?;
        tx.insert_many([new_customer("x")]).await?;
        tx.update(row.into_active_model()).await?;
        tx.find::<customer::Entity>().filter(customer::Column::Name.eq("x")).sum::<i64>(customer::Column::Quantity).await?;
        tx.sql_all::<Row>(LIST.bind(1i64)).await?;
        tx.delete::<customer::Entity>(Uuid::nil()).await?;
        tx.idempotency_claim("r", "k", "h", tx.now()).await?;
        tx.emit(&Archived { customer: Uuid::nil() }).await?;
        tx.commit().await?;
        Ok::<(), Failure>(())
    });
}

story!(a_change_is_compared_and_swapped, world, {
    let mut tx = world.tx(ACME).await;
    let mut change = world.ann.clone().into_active_model();
    change.name = Set("anna".into());
    world.clock.advance(Duration::seconds(1));
    let anna = tx.update(change.clone()).await.unwrap();
    assert_eq!((anna.name.as_str(), anna.version, anna.created_at), ("anna", 2, world.ann.created_at));
    assert!(matches!(tx.update(change).await, Err(StoreError::Conflict)), "the old version is gone");
    let unversioned = customer::ActiveModel { id: Unchanged(anna.id), name: Set("x".into()), ..Default::default() };
    assert!(matches!(tx.update(unversioned).await, Err(StoreError::Db(_))));
    tx.commit().await.unwrap();
});

story!(a_dropped_transaction_keeps_nothing, world, {
    let mut tx = world.tx(ACME).await;
    tx.insert(new_customer("ghost")).await.unwrap();
    drop(tx);
    let tx = world.tx(ACME).await;
    assert_eq!(tx.find::<customer::Entity>().count().await.unwrap(), 1);
});

story!(a_failed_statement_spoils_the_transaction_on_both_engines, world, {
    let mut tx = world.tx(ACME).await;
    let taken = tx.insert(new_customer("ann")).await.unwrap_err();
    assert!(taken.violates("customers", "name") && !taken.violates("customers", "quantity"), "{taken}");
    assert!(matches!(tx.commit().await, Err(StoreError::Aborted)));
});

story!(insert_or_ignore_does_not_spoil_it, world, {
    let mut tx = world.tx(ACME).await;
    let key = [customer::Column::OrgId, customer::Column::Name];
    assert!(!tx.insert_or_ignore(new_customer("ann"), &key).await.unwrap());
    assert!(tx.insert_or_ignore(new_customer("bob"), &key).await.unwrap(), "globex's bob is not in the way");
    let many = (0..1200).map(|n| new_customer(&format!("c{n}")));
    assert_eq!(tx.insert_many(many).await.unwrap(), 1200);
    tx.commit().await.unwrap();
});

story!(a_reference_cannot_cross_the_wall, world, {
    for (customer_id, holds) in [(world.ann.id, true), (world.bob.id, false)] {
        let mut tx = world.tx(ACME).await;
        let written = tx.insert(note::ActiveModel { customer_id: Set(customer_id), state: Set("open".into()), ..Default::default() }).await;
        assert_eq!(written.is_ok(), holds);
        assert!(holds || matches!(written, Err(StoreError::ForeignKey(_))), "{written:?}");
    }
});

story!(who_reads_does_not_write, world, {
    let pin = Pin { org: ACME, who: Who::system("test"), rights: None };
    let mut tx = world.store.begin(pin, Mode::Read).await.unwrap();
    assert!(matches!(tx.insert(new_customer("x")).await, Err(StoreError::ReadOnly)));
    assert!(matches!(tx.sql(RAISE.bind(1i64).bind("ann")).await, Err(StoreError::ReadOnly)));
    assert!(matches!(tx.delete::<customer::Entity>(world.ann.id).await, Err(StoreError::ReadOnly)));
    tx.commit().await.unwrap();
});

story!(a_list_is_paged_newest_first_even_within_one_instant, world, {
    let mut tx = world.tx(ACME).await;
    for n in 0..10 {
        tx.insert(new_customer(&format!("c{n}"))).await.unwrap();
    }
    tx.commit().await.unwrap();
    let tx = world.tx(ACME).await;
    let (mut seen, mut after): (Vec<customer::Model>, Option<After>) = (Vec::new(), None);
    loop {
        let find = tx.find::<customer::Entity>();
        let place = |row: &customer::Model| After { at: row.created_at, id: row.id };
        let page = find.page(Limit::new(4).unwrap(), after.as_ref(), customer::Column::CreatedAt, place).await.unwrap();
        seen.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 11);
    assert!(seen.is_sorted_by(|a, b| (a.created_at, a.id) > (b.created_at, b.id)));
});

story!(counting_summing_and_asking_agree, world, {
    let tx = world.tx(ACME).await;
    let find = || tx.find::<customer::Entity>();
    assert_eq!(find().sum::<i64>(customer::Column::Quantity).await.unwrap(), 3);
    assert_eq!(find().filter(customer::Column::Name.eq("zoe")).sum::<i64>(customer::Column::Quantity).await.unwrap(), 0);
    assert!(find().filter(customer::Column::Name.eq("ann")).for_update().one().await.unwrap().is_some());
    assert!(find().exists().await.unwrap() && !find().filter(customer::Column::Name.eq("bob")).exists().await.unwrap());
});

story!(times_sort_and_compare_alike_on_both_engines, world, {
    let noon = world.clock.now();
    let mut tx = world.tx(ACME).await;
    for (name, micros) in [("a", 0), ("b", 500_000), ("c", 500_001), ("d", 999_999)] {
        let mut row = new_customer(name);
        row.seen_at = Set(Some(noon + Duration::microseconds(micros)));
        tx.insert(row).await.unwrap();
    }
    let half = noon + Duration::microseconds(500_000);
    let find = || tx.find::<customer::Entity>().filter(customer::Column::SeenAt.is_not_null());
    let later = find().filter(customer::Column::SeenAt.gt(half)).newest(customer::Column::SeenAt).all().await.unwrap();
    assert_eq!(later.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["d", "c"]);
    assert_eq!(find().filter(customer::Column::SeenAt.eq(half)).one().await.unwrap().unwrap().seen_at, Some(half));
});

story!(an_account_and_its_company_are_kept_together_or_not_at_all, world, {
    for kept in [false, true] {
        let mut system = world.store.system("register").await.unwrap();
        system.insert(account::ActiveModel { email: Set("zoe@x.io".into()), ..Default::default() }).await.unwrap();
        let mut tx = system.within(ACME, Actor::System("test")).await.unwrap();
        tx.insert(new_customer("zoe")).await.unwrap();
        if kept {
            tx.commit().await.unwrap();
        }
    }
    let mut system = world.store.system("look").await.unwrap();
    assert_eq!(system.find::<account::Entity>().count().await.unwrap(), 1);
    assert_eq!(system.find::<customer::Entity>().filter(customer::Column::Name.eq("zoe")).count().await.unwrap(), 1);
    let again = system.insert(account::ActiveModel { email: Set("zoe@x.io".into()), ..Default::default() }).await;
    assert!(again.unwrap_err().violates("accounts", "email"));
});

story!(a_system_transaction_that_goes_on_as_a_tenants_is_guarded, world, {
    let system = world.store.system("register").await.unwrap();
    let mut tx = system.within(GLOBEX, Actor::System("test")).await.unwrap();
    assert_eq!(store::testing::tenant_rows(&mut tx, "select * from customers").await.unwrap().len(), 1, "acme's is not seen");
    tx.insert(new_customer("gus")).await.unwrap();
    tx.commit().await.unwrap();
    let system = world.store.system("register").await.unwrap();
    assert_eq!(system.find::<customer::Entity>().count().await.unwrap(), 3, "the guard went with the commit");
    let mut tx = system.within(GLOBEX, Actor::System("test")).await.unwrap();
    let sql =
        if tx.engine() == store::Engine::Sqlite { "update main.customers set quantity = 0" } else { "update customers set quantity = 0" };
    match store::testing::tenant_sql(&mut tx, sql).await {
        Ok(_) => tx.commit().await.unwrap(),
        Err(_) => drop(tx),
    }
    let tx = world.tx(ACME).await;
    assert_eq!(tx.find::<customer::Entity>().one().await.unwrap().unwrap().quantity, 3);
    drop(tx);
    // The pin does not stay on the connection of the system door.
    let system = world.store.system("look").await.unwrap();
    assert_eq!(system.find::<customer::Entity>().count().await.unwrap(), 3);
    drop(system);
    let reader = world.store.system_read("look").await.unwrap();
    assert!(matches!(reader.within(GLOBEX, Actor::System("test")).await, Err(StoreError::ReadOnly)));
});

story!(the_system_door_changes_and_removes, world, {
    let mut system = world.store.system("freeze").await.unwrap();
    let made = system.insert(account::ActiveModel { email: Set("a@x.io".into()), ..Default::default() }).await.unwrap();
    let mut change = made.clone().into_active_model();
    change.email = Set("b@x.io".into());
    assert_eq!(system.update(change.clone()).await.unwrap().version, 2);
    assert!(matches!(system.update(change).await, Err(StoreError::Conflict)));
    let other = account::ActiveModel { email: Set("b@x.io".into()), ..Default::default() };
    assert!(!system.insert_or_ignore(other, &[account::Column::Email]).await.unwrap());
    assert_eq!(system.delete::<account::Entity>(made.id).await.unwrap(), 1);
    system.set_state("clock.offset", "5").await.unwrap();
    system.set_state("clock.offset", "6").await.unwrap();
    assert_eq!(system.state("clock.offset").await.unwrap().as_deref(), Some("6"));
    system.commit().await.unwrap();
    let mut reader = world.store.system_read("look").await.unwrap();
    assert!(matches!(reader.set_state("x", "y").await, Err(StoreError::ReadOnly)));
});

#[derive(Serialize, Deserialize)]
struct Archived {
    customer: Uuid,
}

impl kernel::Event for Archived {
    const NAME: &'static str = "test.customer_archived";

    fn subject(&self) -> Uuid {
        self.customer
    }
}

/// Counts, and goes round in a circle when told to.
struct Counter {
    heard: AtomicU32,
    circle: bool,
}

impl Listeners for Counter {
    fn dispatch<'a>(&'a self, tx: &'a mut Tx, event: &'a StoredEvent) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            self.heard.fetch_add(1, Ordering::SeqCst);
            if self.circle {
                tx.emit(&Archived { customer: event.subject }).await?;
            }
            Ok(())
        })
    }
}

story!(an_event_is_stored_with_the_change_and_told_at_once, world, {
    let counter = Arc::new(Counter { heard: AtomicU32::new(0), circle: false });
    world.store.listen(counter.clone());
    let mut tx = world.tx(ACME).await;
    let id: EventId = tx.emit(&Archived { customer: world.ann.id }).await.unwrap();
    let stored = tx.find_by_id::<store::outbox::row::Entity>(id).one().await.unwrap().unwrap();
    let stored = StoredEvent::from(stored);
    assert_eq!((stored.name.as_str(), stored.subject, stored.org), ("test.customer_archived", world.ann.id, ACME));
    assert_eq!(stored.payload["customer"], world.ann.id.to_string());
    assert_eq!(counter.heard.load(Ordering::SeqCst), 1);
    tx.commit().await.unwrap();
});

story!(listeners_that_go_round_in_a_circle_are_stopped, world, {
    world.store.listen(Arc::new(Counter { heard: AtomicU32::new(0), circle: true }));
    let mut tx = world.tx(ACME).await;
    let failure = tx.emit(&Archived { customer: world.ann.id }).await.unwrap_err();
    assert_eq!(failure.code, "internal");
});

story!(the_audit_trail_says_who_and_cannot_be_altered, world, {
    let request = RequestId::new(world.clock.now());
    let who = Who { actor: Actor::System("test"), request: Some(request), address: Some("127.0.0.1".into()) };
    let mut tx = world.store.begin(Pin { org: ACME, who, rights: None }, Mode::Write).await.unwrap();
    let line = AuditLine::new("customer.archived", "customer", world.ann.id).before(serde_json::json!({"name": "ann"}));
    tx.audit(line).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = world.tx(ACME).await;
    let line = tx.find::<store::audit::line::Entity>().one().await.unwrap().unwrap();
    assert_eq!((line.action.as_str(), line.actor_id.as_str(), line.request_id), ("customer.archived", "system:test", Some(request.uuid())));
    assert_eq!(line.before, Some(serde_json::json!({"name": "ann"})));
    let refused = tx.delete::<store::audit::line::Entity>(line.id).await;
    assert!(matches!(refused, Err(StoreError::Guard(_))), "{refused:?}");
});

story!(lines_of_a_transaction_are_written_together_and_in_order, world, {
    store::testing::record(&world.store);
    let mut tx = world.tx(ACME).await;
    for action in ["customer.one", "customer.two", "customer.three"] {
        tx.audit(AuditLine::new(action, "customer", world.ann.id)).await.unwrap();
        tx.emit(&Archived { customer: world.ann.id }).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(store::testing::committed(&world.store).last().unwrap().1, 2, "one for the trail, one for the outbox");
    let mut tx = world.tx(ACME).await;
    tx.audit(AuditLine::new("customer.undone", "customer", world.ann.id)).await.unwrap();
    drop(tx);
    let mut tx = world.tx(ACME).await;
    // More than go into one statement, and read by the transaction itself.
    for _ in 0..20 {
        tx.audit(AuditLine::new("customer.more", "customer", world.ann.id)).await.unwrap();
    }
    let lines = tx.find::<store::audit::line::Entity>().order_by(store::audit::line::Column::Id, Order::Asc).all().await.unwrap();
    let actions: Vec<_> = lines.iter().map(|line| line.action.as_str()).collect();
    assert_eq!(actions[..4], ["customer.one", "customer.two", "customer.three", "customer.more"]);
    assert_eq!(actions.len(), 23);
});

story!(a_field_is_sealed_under_the_master_key, world, {
    let tx = world.tx(ACME).await;
    let sealed = tx.cipher().seal("provider.api_key", "hunter2");
    assert_eq!(world.store.cipher().open("provider.api_key", &sealed).unwrap().expose(), "hunter2");
    assert!(world.store.cipher().open("other", &sealed).is_err());
});
