//! The made-up organizations, their people and their customers. Every address ends in `.test`
//! (RFC 2606), so that no mail can ever reach anybody.

use super::dice::Dice;

/// For everybody in the demo. It is printed, and opens nothing but made-up data on loopback.
pub const PASSWORD: &str = "seven quiet lamps by the river";

/// An organization of the demo.
#[derive(Debug)]
pub struct Company {
    pub name: &'static str,
    pub slug: &'static str,
    pub currency: &'static str,
    pub timezone: &'static str,
    /// What a month costs, in minor units.
    pub plans: &'static [i64],
    pub customers: u64,
    /// The first is the founder.
    pub members: &'static [Member],
}

#[derive(Debug, Clone, Copy)]
pub struct Member {
    pub name: &'static str,
    pub email: &'static str,
    pub role: &'static str,
}

pub const COMPANIES: [Company; 2] = [
    Company {
        name: "Harbour Coffee",
        slug: "harbour-coffee",
        currency: "EUR",
        timezone: "Europe/Lisbon",
        plans: &[1_800, 2_400, 3_900, 7_200],
        customers: 160,
        members: &[
            Member { name: "Nora Lindqvist", email: "nora@harbour.test", role: "admin" },
            Member { name: "Sam Abara", email: "sam@harbour.test", role: "user" },
            Member { name: "Ines Prado", email: "ines@harbour.test", role: "user" },
            Member { name: "Vito Marek", email: "vito@harbour.test", role: "viewer" },
        ],
    },
    Company {
        name: "Kestrel Gyms",
        slug: "kestrel-gyms",
        currency: "ZAR",
        timezone: "Africa/Johannesburg",
        plans: &[39_900, 54_900, 79_900],
        customers: 120,
        members: &[
            Member { name: "Thandi Mokoena", email: "thandi@kestrel.test", role: "admin" },
            Member { name: "Pieter Roos", email: "pieter@kestrel.test", role: "user" },
            Member { name: "Ayesha Khan", email: "ayesha@kestrel.test", role: "viewer" },
        ],
    },
];

const FIRST_NAMES: [&str; 40] = [
    "Amara", "Anton", "Beatriz", "Bongani", "Carla", "Chidi", "Clara", "Daniel", "Dina", "Elif", "Emil", "Farah", "Femi", "Greta", "Hugo",
    "Imani", "Jonas", "Kaito", "Lea", "Lerato", "Lucas", "Mads", "Maya", "Mira", "Naledi", "Nils", "Olga", "Omar", "Paula", "Rafael",
    "Rosa", "Sipho", "Sofia", "Tariq", "Tessa", "Umar", "Vera", "Wanda", "Yusuf", "Zofia",
];
const LAST_NAMES: [&str; 40] = [
    "Abreu", "Adeyemi", "Bauer", "Botha", "Castro", "Dlamini", "Duarte", "Eriksen", "Ferreira", "Fischer", "Gomes", "Haddad", "Hansen",
    "Ibarra", "Jansen", "Kaya", "Keller", "Khumalo", "Lopes", "Maier", "Matos", "Mbeki", "Moreau", "Naidoo", "Nkosi", "Novak", "Okafor",
    "Olsen", "Pereira", "Petrov", "Quinn", "Ramos", "Rossi", "Santos", "Silva", "Tavares", "Urban", "Vieira", "Weber", "Zulu",
];

/// Somebody who pays every month.
#[derive(Debug, Clone)]
pub struct Subscriber {
    pub name: String,
    pub email: String,
    /// The provider's id, which the company uses too.
    pub customer: String,
    pub plan_minor: i64,
    /// The day of the demo on which they come, and on which they are charged first.
    pub since_day: u64,
    /// Cards that were put on file; each failure that only the payer can mend brings another one.
    pub cards: u64,
    pub dice: Dice,
}

impl Subscriber {
    /// The token of the card on file.
    pub fn card(&self) -> String {
        format!("pm_demo_{}_{}", self.customer.trim_start_matches("cus_"), self.cards)
    }
}

/// All customers of a company. A third of them comes during the demo, the others were there before
/// and are charged on their day of the month.
pub fn subscribers(company: &Company, dice: &Dice, days: u64) -> Vec<Subscriber> {
    let month = days.div_ceil(2);
    (0..company.customers)
        .map(|number| {
            let mut dice = dice.of(number);
            let (first, last) = (dice.pick(&FIRST_NAMES), dice.pick(&LAST_NAMES));
            let since_day = if dice.percent(67) { dice.below(month) } else { dice.below(days) };
            Subscriber {
                name: format!("{first} {last}"),
                email: format!("{}.{}{number}@mail.test", first.to_lowercase(), last.to_lowercase()),
                customer: format!("cus_{}{number:04}", company.slug.replace('-', "")),
                plan_minor: dice.pick(company.plans),
                since_day,
                cards: 1,
                dice,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cast_is_the_same_in_every_run_and_nobody_is_twice() {
        let names = |seed| subscribers(&COMPANIES[0], &Dice::new(seed), 60).into_iter().map(|one| one.email).collect::<Vec<_>>();
        let once = names(5);
        assert_eq!(once, names(5));
        assert_eq!(once.iter().collect::<std::collections::BTreeSet<_>>().len(), once.len());
    }

    #[test]
    fn the_password_is_made_of_nobodys_words() {
        let words: Vec<_> = PASSWORD.split(' ').collect();
        for company in &COMPANIES {
            let known = company.members.iter().flat_map(|member| [member.name, member.email]).collect::<String>() + company.name;
            assert!(words.iter().filter(|word| word.len() > 3).all(|word| !known.to_lowercase().contains(*word)), "{known}");
        }
    }
}
