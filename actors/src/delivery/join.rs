//! Makes one message of several pushes of one entity, rows in their order (design: delivery; protocol notes, section 10.1).

use bytes::Bytes;
use edgebind_alwayson::{Content, InfoTable, Request, Value};

use super::parcel::{pack, request_of};

/// Joins as many of `messages` as can go as one, from the front; says how many those are, at least one.
///
/// Two pushes go together when they call the same service with tables of the same columns. `fits` says whether a message
/// may be sent; a single one is not asked about.
pub(super) fn join(messages: &[Bytes], fits: impl Fn(&Bytes) -> bool) -> (Bytes, usize) {
    let Some(first) = messages.first() else { return (Bytes::new(), 0) };
    let mut most = messages.len();
    while most > 1 {
        match joined(messages.get(..most).unwrap_or_default()) {
            Some((message, count)) if fits(&message) => return (message, count),
            Some((_, count)) => most = count / 2,
            None => break,
        }
    }
    (first.clone(), 1)
}

/// How many values a push carries; 0 for anything else.
pub(crate) fn pushed_values(request: &Request) -> u64 {
    values_of(&request.params).map_or(0, |values| u64::try_from(values.rows.len()).unwrap_or(u64::MAX))
}

/// `None` when the first one cannot be joined with its next.
fn joined(messages: &[Bytes]) -> Option<(Bytes, usize)> {
    let mut requests = messages.iter().map_while(|message| request_of(message).ok());
    let mut whole = requests.next()?;
    let mut count = 1;
    for next in requests {
        if !append(&mut whole, next) {
            break;
        }
        count += 1;
    }
    if count == 1 {
        return None;
    }
    Some((pack(whole).ok()?, count))
}

/// Puts the rows of `next` behind those of `whole`, if they are of the same shape.
fn append(whole: &mut Request, next: Request) -> bool {
    if (whole.name.as_str(), whole.entity_type, whole.entity.as_str())
        != (next.name.as_str(), next.entity_type, next.entity.as_str())
    {
        return false;
    }
    let Some(values) = values_of_mut(&mut whole.params) else { return false };
    let Content::Table(next) = next.params else { return false };
    let Some(next) = sole_cell(next) else { return false };
    if values.fields.len() != next.fields.len() {
        return false;
    }
    let same = values.fields.iter().zip(&next.fields).all(|(one, other)| one == other);
    if same {
        values.rows.extend(next.rows);
        return true;
    }
    // The same columns in another order.
    let places: Option<Vec<usize>> =
        values.fields.iter().map(|field| next.fields.iter().position(|other| other == field)).collect();
    let Some(places) = places else { return false };
    for mut row in next.rows {
        let take = |place: &usize| row.get_mut(*place).map(|cell| std::mem::replace(cell, Value::Nothing));
        let Some(sorted) = places.iter().map(take).collect() else { return false };
        values.rows.push(sorted);
    }
    true
}

fn values_of(params: &Content) -> Option<&InfoTable> {
    params.as_table()?.cell(0, VALUES)?.as_table()
}

/// The table of values, if there is nothing else beside it.
fn values_of_mut(params: &mut Content) -> Option<&mut InfoTable> {
    let Content::Table(table) = params else { return None };
    if !is_sole(table) {
        return None;
    }
    match table.rows.first_mut()?.first_mut()? {
        Value::Table(values) => Some(values),
        _ => None,
    }
}

fn sole_cell(table: InfoTable) -> Option<InfoTable> {
    if !is_sole(&table) {
        return None;
    }
    match table.rows.into_iter().next()?.into_iter().next()? {
        Value::Table(values) => Some(*values),
        _ => None,
    }
}

fn is_sole(table: &InfoTable) -> bool {
    matches!(table.fields.as_slice(), [field] if field.name == VALUES) && table.rows.len() == 1
}

const VALUES: &str = "values";

#[cfg(test)]
mod tests {
    use edgebind_alwayson::{BaseType, Characteristic, Field, Method};

    use super::*;

    fn push(columns: [&str; 2], numbers: &[f64]) -> Bytes {
        let field =
            |name: &str| Field::new(name, if name == "name" { BaseType::String } else { BaseType::Number });
        let mut values = InfoTable::new(columns.map(field).to_vec());
        for number in numbers {
            let cell = |name: &str| if name == "name" { Value::string("p") } else { Value::Number(*number) };
            values.rows.push(columns.map(cell).to_vec());
        }
        service("UpdateSubscribedPropertyValues", InfoTable::single(VALUES, Value::Table(Box::new(values))))
    }

    fn service(name: &str, params: InfoTable) -> Bytes {
        let params = Content::Table(params);
        pack(Request::thing(Method::Post, "T", Characteristic::Services, name, params)).unwrap()
    }

    fn numbers(message: &Bytes) -> Vec<f64> {
        let request = request_of(message).unwrap();
        let values = values_of(&request.params).unwrap();
        let column = values.column("value").unwrap();
        let number = |row: &Vec<Value>| match row[column] {
            Value::Number(number) => number,
            ref other => panic!("{other:?}"),
        };
        values.rows.iter().map(number).collect()
    }

    #[test]
    fn rows_go_together_in_their_order_also_with_columns_in_another_order() {
        let messages = [
            push(["name", "value"], &[1.0, 2.0]),
            push(["value", "name"], &[3.0]),
            push(["name", "value"], &[4.0]),
        ];
        let (message, count) = join(&messages, |_| true);
        assert_eq!((count, numbers(&message)), (3, vec![1.0, 2.0, 3.0, 4.0]));
        assert_eq!(pushed_values(&request_of(&message).unwrap()), 4);
    }

    #[test]
    fn what_has_another_shape_ends_the_message() {
        let odd = [
            push(["name", "time"], &[9.0]),
            service("UpdateSubscribedPropertyValuesBatched", InfoTable::single(VALUES, Value::Nothing)),
            service("UpdateSubscribedPropertyValues", InfoTable::content("{}")),
            Bytes::from_static(b"damaged"),
        ];
        for odd in odd {
            let good = || push(["name", "value"], &[1.0]);
            let (message, count) = join(&[good(), good(), odd.clone(), good()], |_| true);
            assert_eq!((count, numbers(&message)), (2, vec![1.0, 1.0]));
            let (message, count) = join(&[odd.clone(), good()], |_| true);
            assert_eq!((count, message), (1, odd), "alone it goes as it is");
        }
    }

    #[test]
    fn a_message_that_does_not_fit_is_made_of_fewer() {
        let messages: Vec<Bytes> = (0..10).map(|n| push(["name", "value"], &[f64::from(n)])).collect();
        let limit = messages[0].len() * 2;
        let (message, count) = join(&messages, |message| message.len() <= limit);
        assert!(message.len() <= limit && (2..10).contains(&count), "{count}");
        assert_eq!(numbers(&message), (0..count).map(|n| n as f64).collect::<Vec<_>>());
        let (message, count) = join(&messages, |_| false);
        assert_eq!((message, count), (messages[0].clone(), 1));
    }
}
