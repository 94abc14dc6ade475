use crate::host::testing::eval;

/// Values without regard to the order of keys.
const HEAD: &str = r#"
    local function show(v)
        if type(v) == "string" then return string.format("%q", v) end
        if type(v) == "userdata" then return "<userdata>" end
        if type(v) ~= "table" then return tostring(v) end
        local keys, out = {}, {}
        for k in pairs(v) do keys[#keys + 1] = k end
        table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
        for _, k in ipairs(keys) do out[#out + 1] = tostring(k) .. "=" .. show(v[k]) end
        return "{" .. table.concat(out, ",") .. "}"
    end
    local function shape() local ds = tw_datashape.createDataShape("s", "STRING")
        ds:addField("n", "NUMBER"); ds:addField("b", "BOOLEAN") return ds end
    local function fresh() return tw_infotable.createInfoTable(shape():clone()) end
    local function one(bt, value)
        local t = tw_infotable.createInfoTable(tw_datashape.createDataShape("f", bt))
        local ok, message = t:addRow { f = value }
        return ok and show(t:toTable().rows[1].f) or message
    end
"#;

fn check(cases: &[(&str, &str)]) {
    for (code, expected) in cases {
        let found = eval(&format!("{HEAD} {code}")).unwrap_or_else(|error| format!("error {error}"));
        assert_eq!(&found, expected, "{code}");
    }
}

#[test]
fn cells_are_converted_as_in_the_original() {
    let misfit = "Error converting field f to primitive";
    let missing = "Only found 0 valid row entries.  1 required";
    let cases = [
        ("NUMBER", "5", "5"),
        ("NUMBER", "'5.5'", "5.5"),
        ("NUMBER", "'abc'", "0"),
        ("NUMBER", "{}", "0"),
        ("NUMBER", "true", "0"),
        ("NUMBER", "nil", missing),
        ("INTEGER", "5.9", "5"),
        ("INTEGER", "-5.9", "-6"),
        ("INTEGER", "3000000000", "2147483647"),
        ("INTEGER", "-3000000000", "-2147483648"),
        ("INTEGER", "0/0", "0"),
        ("INTEGER", "'7'", "7"),
        ("INTEGER", "'x'", "0"),
        ("BOOLEAN", "true", "true"),
        ("BOOLEAN", "false", "false"),
        ("BOOLEAN", "'false'", "true"),
        ("BOOLEAN", "0", "true"),
        ("BOOLEAN", "nil", "false"),
        ("DATETIME", "1500000000123", "1500000000123"),
        ("DATETIME", "'1500000000123'", "1500000000123"),
        ("DATETIME", "'x'", "0"),
        ("STRING", "'text'", "\"text\""),
        ("STRING", "2.5", "\"2.5\""),
        ("STRING", "1e14", "\"1e+14\""),
        ("STRING", "''", "\"\""),
        ("STRING", "true", misfit),
        ("STRING", "{}", misfit),
        ("STRING", "nil", missing),
        ("XML", "'not xml'", "\"not xml\""),
        ("LOCATION", "{latitude=1.5,longitude=2,elevation=3}", "{elevation=3,latitude=1.5,longitude=2}"),
        ("LOCATION", "{latitude='1'}", "{elevation=0,latitude=1,longitude=0}"),
        ("LOCATION", "'x'", misfit),
        ("JSON", "{a={1,2}}", "{a={1=1,2=2}}"),
        ("JSON", "{a=print}", "{}"),
        ("JSON", "'{}'", misfit),
        ("JSON", "5", misfit),
        ("QUERY", "{maxItems=5}", "{maxItems=5}"),
        ("QUERY", "'{}'", misfit),
        ("VARIANT", "{baseType='NUMBER',value=4}", "{baseType=\"NUMBER\",value=4}"),
        ("VARIANT", "{value=4}", misfit),
        ("VARIANT", "4", misfit),
        ("IMAGE", "'raw'", "\"raw\""),
        ("BLOB", "'a\\0b'", "\"a\\000b\""),
        ("TAGS", "'a:b'", "\"a:b\""),
        ("MASHUPNAME", "'m'", "\"m\""),
        ("SCHEDULE", "'0 0 * * * ?'", misfit),
        ("TIMESPAN", "5", misfit),
        ("LONG", "5", misfit),
        ("NOTHING", "'x'", misfit),
        ("INFOTABLE", "'x'", misfit),
        ("INFOTABLE", "{}", misfit),
        ("INFOTABLE", "fresh()", &format!("{{dataShape={FIELDS},rows={{}}}}")),
        ("INFOTABLE", "fresh():toTable()", &format!("{{dataShape={FIELDS},rows={{}}}}")),
    ];
    for (base_type, value, expected) in cases {
        check(&[(&format!("return one('{base_type}', {value})"), expected)]);
    }
}

const FIELDS: &str = "{fieldDefinitions={b={aspects={},baseType=\"BOOLEAN\",name=\"b\"},\
    n={aspects={},baseType=\"NUMBER\",name=\"n\"},s={aspects={},baseType=\"STRING\",name=\"s\"}}}";

#[test]
fn shapes_hold_names_and_types() {
    check(&[
        ("local ds = shape() return show(ds:toTable()), ds:clone() ~= ds, type(ds)", &format!("{FIELDS},true,userdata")),
        ("local ds = shape() local c = ds:clone() c:addField('x', 'TEXT') return show(ds:toTable()) ", FIELDS),
        (
            "return show(tw_datashape.createDataShape('a', 'STRING', 'd', { isPrimaryKey = true }):toTable())",
            "{fieldDefinitions={a={aspects={},baseType=\"STRING\",name=\"a\"}}}",
        ),
        ("return select('#', shape():addField('x', 'NOSUCHTYPE'))", "0"),
        ("return tw_datashape.createDataShape(), tw_datashape.createDataShape('a')", "nil,nil"),
        ("return type(tw_datashape.createDataShape(1, 2)), type(tw_datashape.createDataShape('a', 'STRING', nil, 'x'))",
            "userdata,userdata"),
        (
            "local out = {} for _, b in ipairs { 'LONG', 'VEC2', 'THINGCODE', 'GUID', 'TIMESPAN', 'EVENTNAME' } do
                out[#out + 1] = tw_datashape.createDataShape('f', b):toTable().fieldDefinitions.f.baseType end
             return table.concat(out, ' ')",
            "NOTHING NOTHING NOTHING GUID TIMESPAN EVENTNAME",
        ),
    ]);
}

#[test]
fn rows_are_added_whole_or_not_at_all() {
    check(&[
        ("return fresh():addRow { s = 'x' }", "nil,Only found 2 valid row entries.  3 required"),
        ("return fresh():addRow {}", "nil,Only found 1 valid row entries.  3 required"),
        ("return fresh():addRow { s = 'x', n = 1 }", "true"),
        ("return fresh():addRow { s = 'x', n = 1, zzz = 5 }", "true"),
        ("return fresh():addRow('x')", "nil,Invalid parameters"),
        ("return fresh():addRow()", "nil,Invalid parameters"),
        ("return fresh().addRow()", "nil,Invalid parameters"),
        (
            "local t = fresh() t:addRow { s = true, n = 1 } t:addRow { s = 'a', n = 1, b = 1 } return show(t:toTable().rows)",
            "{1={b=true,n=1,s=\"a\"}}",
        ),
        ("local t = fresh() t:delete() return t:addRow { s = 'a', n = 1 }", "nil,Invalid parameters"),
    ]);
}

#[test]
fn values_are_found_by_field_and_row() {
    check(&[(
        "local t = fresh() t:addRow { s = 'one', n = 1 } t:addRow { s = 'two', n = 2 }
         return t:getValueFromRow('s', 1), t:getValueFromRow('n', 2), t:getValueFromRow('s', 0),
            t:getValueFromRow('s', 9), t:getValueFromRow('zz', 1), t:getValueFromRow(1, 's')",
        "one,2,nil,nil,nil,nil",
    )]);
    let error = eval(&format!("{HEAD} fresh():getValueFromRow('s')")).unwrap_err();
    assert!(error.contains("This functon requires at least 3 parameters"), "{error}");
}

#[test]
fn infotables_are_made_of_shapes_and_tables() {
    check(&[
        (
            "return show(tw_infotable.createInfoTable({ dataShape = { fieldDefinitions = { a = { name = 'a',
                baseType = 'NUMBER' } } }, rows = { { a = 1 }, {}, { a = 2 } } }):toTable())",
            "{dataShape={fieldDefinitions={a={aspects={},baseType=\"NUMBER\",name=\"a\"}}},rows={1={a=1},2={},3={a=2}}}",
        ),
        (
            "return tw_infotable.createInfoTable(), tw_infotable.createInfoTable('x'), tw_infotable.createInfoTable({}),
                tw_infotable.createInfoTable({ dataShape = {} }), tw_infotable.createInfoTable(io.stdout)",
            "nil,nil,nil,nil,nil",
        ),
        ("local t = fresh() local rows = t:toTable().rows rows[1] = 5 return show(t:toTable().rows)", "{}"),
        ("local ds = shape() local t = tw_infotable.createInfoTable(ds) ds:addField('x', 'TEXT')
          return t:addRow { s = '', n = 1 }", "true"),
    ]);
}

#[test]
fn scripts_see_the_methods() {
    check(&[(
        "local mt = getmetatable(fresh()) local k = {} for n in pairs(mt.__index or mt) do k[#k + 1] = n end
         table.sort(k) return table.concat(k, ','), type(tostring(fresh()))",
        "__index,addRow,delete,getValueFromRow,toTable,string",
    )]);
}

#[test]
fn hostile_tables_are_refused() {
    check(&[
        ("local t = {} t.t = t return one('JSON', t)", "Error converting field f to primitive"),
        (
            "local t = { rows = {}, dataShape = { fieldDefinitions = { t = { baseType = 'INFOTABLE' } } } }
             t.rows[1] = { t = t } return one('INFOTABLE', t)",
            "Error converting field f to primitive",
        ),
        ("return one('JSON', setmetatable({}, { __index = error, __pairs = error }))", "{}"),
    ]);
    for code in [
        "shape().addField({}, 'a', 'STRING')",
        "shape():addField('a')",
        "shape().toTable(fresh())",
        "getmetatable(shape()).clone(newproxy())",
    ] {
        let error = eval(&format!("{HEAD} {code}")).unwrap_err();
        assert!(error.contains("data shape expected") || error.contains("This functon"), "{code}: {error}");
    }
}

#[test]
fn what_is_dropped_is_collected() {
    let code = "local before = collectgarbage('count')
        for i = 1, 20000 do local t = fresh() t:addRow { s = ('x'):rep(1000) .. i, n = i } end
        collectgarbage() collectgarbage() return collectgarbage('count') - before < 2000";
    check(&[(code, "true")]);
}
