use edgebind_alwayson::{Characteristic, Content, Gateway, InfoTable, Method, Value};

use super::*;

fn request(entity: &str, method: Method, characteristic: Characteristic, name: &str) -> Request {
    Request::thing(method, entity, characteristic, name, Content::Nothing)
}

fn call(entity: &str, name: &str) -> Request {
    request(entity, Method::Post, Characteristic::Services, name)
}

fn bind(names: &[&str], gateway: Option<&str>) -> Bind {
    let gateway = gateway.map(|name| Gateway { name: name.to_owned(), template: "EMSGateway".to_owned() });
    Bind { unbind: false, gateway, names: names.iter().map(|name| (*name).to_owned()).collect() }
}

fn answered(code: Code, reason: &str) -> Option<Verdict> {
    Some(Verdict { delay: Duration::ZERO, conduct: Conduct::Answered(Response::error(code, reason)) })
}

#[test]
fn a_rule_meets_the_requests_it_names_and_is_used_up_after_its_times() {
    let mut faults = Faults::default();
    faults
        .add(
            Kind::Answer,
            r#"{"entity": "Pump*", "characteristic": "Services", "name": "Update*", "code": "NOT_FOUND",
                "reason": "no", "times": 2}"#,
        )
        .unwrap();
    assert_eq!(faults.on_request(&call("Motor", "Update")), None);
    assert_eq!(faults.on_request(&call("Pump", "Start")), None);
    let event = request("Pump", Method::Post, Characteristic::Events, "Update");
    assert_eq!(faults.on_request(&event), None);
    for _ in 0..2 {
        assert_eq!(faults.on_request(&call("Pump-1", "UpdateX")), answered(Code::NOT_FOUND, "no"));
    }
    assert_eq!(faults.on_request(&call("Pump-1", "UpdateX")), None);
    let view = faults.view();
    assert_eq!((view[0].hits, view[0].left, view[0].rule["entity"].as_str()), (2, Some(0), Some("Pump*")));
}

#[test]
fn the_oldest_rule_applies_until_it_is_used_up() {
    let mut faults = Faults::default();
    let first = faults.add(Kind::Answer, r#"{"code": 128, "reason": "a", "times": 1}"#).unwrap();
    let second = faults.add(Kind::Answer, r#"{"code": "0x84", "reason": "b"}"#).unwrap();
    assert_eq!(faults.on_request(&call("T", "s")), answered(Code::BAD_REQUEST, "a"));
    assert_eq!(faults.on_request(&call("T", "s")), answered(Code::NOT_FOUND, "b"));
    assert!(faults.remove(second) && !faults.remove(second) && faults.remove(first));
    assert!(faults.is_empty());
    assert_eq!(faults.add(Kind::Ping, r#"{"answer": "none"}"#).unwrap(), 3, "numbers are not used again");
    faults.clear();
    assert_eq!(faults.on_ping(), Pong::Usual);
}

#[test]
fn silence_delay_and_content_can_be_had_with_and_without_the_deed() {
    let conduct = |text: &str| {
        let mut faults = Faults::default();
        faults.add(Kind::Answer, text).unwrap();
        let verdict = faults.on_request(&call("T", "s")).unwrap();
        (verdict.delay.as_millis(), verdict.conduct)
    };
    let single = |value| Response::table(InfoTable::single("result", value));
    for (text, expected) in [
        (r#"{"silent": true}"#, (0, Conduct::Ignored)),
        (r#"{"silent": true, "execute": true}"#, (0, Conduct::DoneSilently)),
        (r#"{"delayMs": 50}"#, (50, Conduct::Usual)),
        (r#"{"content": 7.5, "execute": true}"#, (0, Conduct::DoneThen(single(Value::Number(7.5))))),
        (r#"{"content": "x"}"#, (0, Conduct::Answered(single(Value::string("x"))))),
        (r#"{"content": true}"#, (0, Conduct::Answered(single(Value::Boolean(true))))),
        (r#"{"content": {"a": 1}}"#, (0, Conduct::Answered(single(Value::json(r#"{"a": 1}"#))))),
        (r#"{"content": null, "code": "SUCCESS"}"#, (0, Conduct::Answered(Response::success()))),
        (
            r#"{"content": {"dataShape": {"fieldDefinitions": {"p": {"name": "p", "baseType": "INTEGER"}}},
                "rows": [{"p": 1}]}}"#,
            (0, Conduct::Answered(Response::table(InfoTable::single("p", Value::Integer(1))))),
        ),
    ] {
        assert_eq!(conduct(text), expected, "{text}");
    }
}

#[test]
fn an_auth_is_refused_delayed_or_ignored() {
    let mut faults = Faults::default();
    faults.add(Kind::Auth, r#"{"code": "SERVICE_UNAVAILABLE", "reason": "starting", "times": 1}"#).unwrap();
    faults.add(Kind::Auth, r#"{"silent": true, "times": 1}"#).unwrap();
    faults.add(Kind::Auth, r#"{"reason": "no", "times": 1}"#).unwrap();
    faults.add(Kind::Auth, r#"{"delayMs": 5}"#).unwrap();
    assert_eq!(faults.on_auth(), answered(Code::SERVICE_UNAVAILABLE, "starting"));
    assert_eq!(faults.on_auth().unwrap().conduct, Conduct::Ignored);
    assert_eq!(faults.on_auth(), answered(Code::UNAUTHORIZED, "no"));
    let late = Verdict { delay: Duration::from_millis(5), conduct: Conduct::Usual };
    assert_eq!(faults.on_auth(), Some(late));
}

#[test]
fn a_bind_is_refused_by_its_names_or_its_marker_and_an_unbind_never() {
    let met = |rule: &str, bind: &Bind| {
        let mut faults = Faults::default();
        faults.add(Kind::Bind, rule).unwrap();
        faults.on_bind(bind)
    };
    let (plain, marked) = (bind(&["a", "bad-1"], None), bind(&["a"], Some("G")));
    let refused = |text: &str| answered(Code::NOT_FOUND, &format!("refused on request: {text}"));
    assert_eq!(met(r#"{"refuse": "all"}"#, &plain), refused("a, bad-1"));
    assert_eq!(met(r#"{"refuse": ["bad*"]}"#, &plain), refused("bad-1"));
    assert_eq!(met(r#"{"refuse": ["bad*"]}"#, &marked), None);
    assert_eq!(met(r#"{"refuse": "gateway"}"#, &plain), None);
    assert_eq!(met(r#"{"refuse": "gateway"}"#, &marked), refused("G"));
    let coded = met(r#"{"refuse": "all", "code": "PRECONDITION_FAILED", "reason": "held"}"#, &marked);
    assert_eq!(coded, answered(Code::PRECONDITION_FAILED, "held: a"));
    assert_eq!(met(r#"{"silent": true}"#, &plain).unwrap().conduct, Conduct::DoneSilently);
    assert_eq!(met(r#"{"refuse": "all", "silent": true}"#, &plain).unwrap().conduct, Conduct::Ignored);
    let late = Verdict { delay: Duration::from_millis(9), conduct: Conduct::Usual };
    assert_eq!(met(r#"{"delayMs": 9}"#, &plain), Some(late));
    assert_eq!(met(r#"{"refuse": "all"}"#, &Bind { unbind: true, ..plain }), None);
}

#[test]
fn rules_that_make_no_sense_are_refused_with_a_sentence() {
    for (kind, text, problem) in [
        (Kind::Answer, "{", "EOF"),
        (Kind::Answer, r#"{"entty": "x"}"#, "unknown field `entty`, expected one of `entity`"),
        (Kind::Answer, r#"{"code": 3}"#, "code is a status such as"),
        (Kind::Answer, r#"{"code": "NOPE"}"#, "code is a status such as"),
        (Kind::Answer, r#"{"characteristic": "Things"}"#, "none of Properties, Services and Events"),
        (Kind::Answer, r#"{"method": "PATCH"}"#, "none of GET, PUT, POST and DELETE"),
        (Kind::Bind, r#"{"refuse": "some"}"#, "refuse is \"all\", \"gateway\" or a list of names"),
        (Kind::Ping, r#"{}"#, "missing field `answer`"),
        (Kind::Ping, r#"{"answer": "late"}"#, "unknown variant `late`"),
    ] {
        let error = Faults::default().add(kind, text).unwrap_err().to_string();
        assert!(error.contains(problem), "{text}: {error}");
    }
    let mut faults = Faults::default();
    for _ in 0..Faults::MAX_RULES {
        faults.add(Kind::Auth, "{}").unwrap();
    }
    assert!(matches!(faults.add(Kind::Auth, "{}"), Err(RuleError::TooMany)));
}
