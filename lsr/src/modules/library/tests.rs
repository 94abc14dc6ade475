use crate::host::testing::{eval, finished, put, spec, with_scripts};

/// Values as the conformance suite shows them.
const SHOW: &str = r#"
    local function order(a, b)
        if type(a) ~= type(b) then return type(a) < type(b) end
        return a < b
    end
    local function show(v)
        if type(v) == "string" then return string.format("%q", v) end
        if type(v) ~= "table" then return type(v) == "function" and "function" or tostring(v) end
        local keys, out = {}, {}
        for k in pairs(v) do keys[#keys + 1] = k end
        table.sort(keys, order)
        for _, k in ipairs(keys) do
            out[#out + 1] = (type(k) == "string" and k or "[" .. tostring(k) .. "]") .. "=" .. show(v[k])
        end
        return "{" .. table.concat(out, ",") .. "}"
    end
    local function try(f, ...)
        local r = { pcall(f, ...) }
        if not r[1] then return "error(" .. tostring(r[2]) .. ")" end
        local out = {}
        for i = 2, table.maxn(r) do out[#out + 1] = show(r[i]) end
        return "ok(" .. table.concat(out, "|") .. ")"
    end
"#;

fn check(head: &str, cases: &[(&str, &str)]) {
    for (code, expected) in cases {
        let found =
            eval(&format!("{SHOW} {head} return {code}")).unwrap_or_else(|error| format!("error {error}"));
        assert_eq!(&found, expected, "{code}");
    }
}

#[test]
fn every_module_gives_what_the_original_gives() {
    let tables = ["json", "log", "stringx", "page", "propGroups", "thingworx.utils", "thingworx.softwarejob"];
    let truths = ["core", "tablex", "utils", "softwarejob", "types.datashape"];
    for (names, kind) in [(&tables[..], "table"), (&truths[..], "boolean")] {
        for name in names {
            let code = format!("return type(require '{name}'), require '{name}' == package.loaded['{name}']");
            assert_eq!(eval(&code), Ok(format!("{kind},true")), "{name}");
        }
    }
    check("require 'core'", &[("type(stringx), type(tablex), type(orderedPairs)", "table,nil,function")]);
}

#[test]
fn texts_are_cut() {
    check(
        "require 'stringx'",
        &[
            ("show { string.split('a b  c') }", "{[1]={[1]=\"a\",[2]=\"b\",[3]=\"c\"},[2]=3}"),
            ("show { string.split('a,b,,c', ',') }", "{[1]={[1]=\"a\",[2]=\"b\",[3]=\"c\"},[2]=3}"),
            ("show { ('x;y'):split(';') }", "{[1]={[1]=\"x\",[2]=\"y\"},[2]=2}"),
            (
                "show { string.split('a|b]c^d%e', '|]^%') }",
                "{[1]={[1]=\"a\",[2]=\"b\",[3]=\"c\",[4]=\"d\",[5]=\"e\"},[2]=5}",
            ),
            ("show { string.split(nil) }, select('#', string.split(nil))", "{},0"),
            ("show { string.split('') }", "{[1]={},[2]=0}"),
            (
                "show { stringx.stringToTable('1 2') }, stringx.split == string.split",
                "{[1]={[1]=\"1\",[2]=\"2\"},[2]=2},true",
            ),
            ("show { string.split('a b', '') }", "{[1]={[1]=\"a\",[2]=\"b\"},[2]=2}"),
        ],
    );
}

#[test]
fn tables_are_copied_and_searched() {
    let head = "require 'tablex' local src = { a = 1, b = { c = { d = 2 }, e = 3 }, [1] = 'one' }";
    check(
        head,
        &[
            ("show(table.fullCopy(src)), table.fullCopy(src) ~= src, table.fullCopy(src).b ~= src.b, table.fullCopy(5)",
                "{[1]=\"one\",a=1,b={c={d=2},e=3}},true,true,5"),
            ("(function() local t = {} t.t = t local c = table.fullCopy(t) return c.t == c and c ~= t end)()", "true"),
            ("table.containsKey(src, 'a') == src, table.containsKey(src, 'zz'), table.containsKey(nil, 1)", "true,nil,nil"),
            ("table.containsValue(src, 'one') == src, table.containsValue(src, 99)", "true,nil"),
            ("show(table.toFlatTable { a = { b = { c = 1 } }, d = true })", "{a.b.c=1,d=true}"),
            ("try(table.sparseCopy, 1, 2), show(table.sparseCopy({ a = 1 }, { a = 2, b = 3 }))", "ok(),{a=1,b=3}"),
            (
                "(function() local s = '' for k, v in orderedPairs { c = 3, a = 1, b = 2, [2] = 0 } do s = s .. k .. v end
                 return s end)()",
                "20a1b2c3",
            ),
            (
                "(function() local s = '' for k in orderedPairs({ a = 1, b = 2 }, function(a, b) return a > b end) do
                 s = s .. k end return s end)()",
                "ba",
            ),
        ],
    );
}

#[test]
fn tables_become_texts_of_the_original() {
    check(
        "require 'tablex'",
        &[
            ("table.toString { x = 1, y = { z = 'q' }, w = 'a=b' }", "y.z=q\nx=1\nw=\"a=b\"\n"),
            ("table.toString({ x = 1, y = 2 }, nil, { delim = ':' })", "y:2\nx:1\n"),
            ("table.toString({ x = 1 }, 'pre')", "pre.x=1\n"),
            (
                "table.toXml('root', { a = 1, b = { c = 'x' } })",
                "<root>\n  <a>1</a>\n\n  <b>\n   <c>x</c>\n\n  </b>\n\n</root>\n",
            ),
            ("table.toXml('r', 5), table.toXml('r', '<&>')", "<r>5</r>\n,<r>&lt;&amp;&gt;</r>\n"),
            ("table.toCsv { a = 1, b = 'x,y' }", "\"x,y\", 1,"),
            ("table.toCsv({ a = 1, b = 2 }, nil, { headers = true })", "b,a,\n2,1,"),
            (
                "table.toHtml({ a = 1, b = { c = 2 } }, '/root')",
                "<table class='palantiriTable'>\n<tr class='palantiriRow'><td>a</td><td>1</td></tr>\n\
                 <tr class='palantiriRow'><td><a href='/root/b'>b</a></td></tr>\n</table>\n",
            ),
            ("table.toContentTypeString({ a = 1 }, 'text/plain')", "a=1\n"),
            (
                "table.toContentTypeString({ a = 1 }, 'text/xml; charset=utf-8', nil, 'doc')",
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<doc>\n  <a>1</a>\n\n</doc>\n",
            ),
            ("table.toContentTypeString({ a = 1 }, 'text/csv')", "1,"),
            ("table.toContentTypeString({ a = 1 }, 'text/x-lua-table')", "{ a=1, }"),
            ("table.toContentTypeString({ a = 1 }, 'application/json')", "{\"a\":1}"),
            ("table.toContentTypeString({ a = 1 })", "a=1\n"),
        ],
    );
    let error = eval("require 'tablex' local t = {} t.t = t table.toString(t)").unwrap_err();
    assert!(error.contains("tables are nested deeper than 100"), "{error}");
}

#[test]
fn csv_is_read() {
    check(
        "require 'tablex'",
        &[
            (
                "show(table.fromCsv('a,b\\n1,2\\n3,\"q,\"\"r\"\"\"\\n'))",
                "{[1]={[1]=\"a\",[2]=\"b\"},[2]={[1]=\"1\",[2]=\"2\"},[3]={[1]=\"3\",[2]=\"q,\\\"r\\\"\"}}",
            ),
            ("show(table.fromCsv('id,v\\n7,x\\n', nil, true))", "{[1]={id=\"7\",v=\"x\"}}"),
            ("show(table.fromCsv('k,v\\nz,1\\n', 1))", "{k={[1]=\"k\",[2]=\"v\"},z={[1]=\"z\",[2]=\"1\"}}"),
            ("show(table.fromCsv('k,v\\nz,1\\n', 'k', true))", "{z={k=\"z\",v=\"1\"}}"),
            ("table.fromCsv(5), show(table.fromCsv(''))", "nil,{}"),
            (
                "show(table.fromCsv('a,,\\r\\n\"open'))",
                "{[1]={[1]=\"a\",[2]=\"\",[3]=\"\"},[2]={[1]=\"open\"}}",
            ),
        ],
    );
}

#[test]
fn the_functions_of_utils_answer_as_in_the_original() {
    let head = "require 'utils' local u = tw_utils";
    check(
        head,
        &[
            ("u.toboolean(true), u.toboolean('FALSE'), u.toboolean('no'), u.toboolean(0), u.toboolean(1), u.toboolean(nil),
              u.toboolean(''), u.toboolean({}), u.toboolean(false)", "true,false,true,false,true,false,true,true,false"),
            ("u.isJson('\"s\"'), u.isJson('{\"a\":1}'), u.isJson('12'), u.isJson('x'), u.isJson(nil)",
                "true,false,false,false,false"),
            ("try(u.encodeData, nil), try(u.encodeData, {}), try(u.encodeData, 'x'), try(u.encodeData, { a = 1 })",
                "ok(true|\"{}\"),ok(true|\"{}\"),ok(false|\"Data must be a table\"),ok(true|\"{\\\"a\\\":1}\")"),
            ("u.encodeData(newproxy())", "false,Data must be a table"),
            ("(u.encodeData((function() local t = {} t.t = t return t end)()))", "false"),
            ("u.toString({ a = 1, b = 'x', c = { d = true } })", "c.d=true, b=x, a=1, "),
            ("u.toString({ a = 1, b = 2 }, ';')", "b=2;a=1;"),
            ("u.EMS_SVC_PATH('T', 'S'), u.EMS_PROP_PATH('T', 'P'), u.EMS_EVENT_PATH('T', 'E'), u.EMS_PROPS_VTQ_PATH('T')",
                "/Thingworx/Things/T/Services/S,/Thingworx/Things/T/Properties/P,/Thingworx/Things/T/Events/E,\
                 /Thingworx/Things/T/PropertiesVTQ/*"),
            ("show(u.REQ_HEADERS()), show(u.REQ_HEADERS('h', 'text/xml', { a = 'b' }))",
                "{content-type=\"application/json\",host=\"localhost\"},{a=\"b\",content-type=\"text/xml\",host=\"h\"}"),
            ("show(u.RESP_HEADERS()), show(u.RESP_HEADERS('text/plain', { z = 1 }))",
                "{content-type=\"application/json\"},{content-type=\"text/plain\",z=1}"),
            ("thingworx.utils.PATH_PROPS, thingworx.utils.PATH_SVCS", "Properties,Services"),
            ("show(u.toVTQ { value = 1, time = 5 })", "{quality=\"UNKNOWN\",time=5,value=1}"),
            ("math.abs(u.toVTQ({}).time - os.time() * 1000) < 5000", "true"),
            ("show(u.toVariantVTQ { value = 1, time = 5, baseType = 'NUMBER' })",
                "{quality=\"UNKNOWN\",time=5,value={baseType=\"NUMBER\",value=1}}"),
            ("show(json.decode(u.toJsonVTQ { value = 1, time = 5 }))", "{quality=\"UNKNOWN\",time=5,value=1}"),
            (
                "show(json.decode(u.toJsonInfotable { name = 'n', baseType = 'NUMBER', value = 3, time = 8 }))",
                "{dataShape={fieldDefinitions={n={aspects={},baseType=\"NUMBER\",description=\"\",name=\"n\"},\
                 time={aspects={},baseType=\"DATETIME\",description=\"\",name=\"time\"}}},rows={[1]={n=3,time=8}}}",
            ),
            (
                "show(json.decode(u.toJsonInfotable { name = 'n', baseType = 'INFOTABLE', dataShape = 'DS', value = {},
                 time = 8 }).dataShape.fieldDefinitions.n.aspects)",
                "{dataShape=\"DS\"}",
            ),
            ("try(u.parseQueryParams, 'a/b?x=1&y=two%20')", "ok(\"a/b\"|{x=\"1\",y=\"two%20\"})"),
            ("try(u.parseQueryParams, 'a/b')", "ok(\"a/b\"|{})"),
            ("(pcall(u.parseQueryParams, 'a?novalue')), (pcall(u.parseQueryParams, nil))", "false,false"),
            ("u.isWindows() == (u.host_os() == 'win32')", "true"),
            ("u.evaluateChange { pushType = 'ALWAYS', prev = {} }", "true"),
        ],
    );
}

#[test]
fn scopelock_frees_the_mutex_in_any_case() {
    check(
        "require 'utils'",
        &[
            ("try(tw_utils.scopelock, function(a, b) return a + b, 'x' end, 1, 2)", "ok(3|\"x\")"),
            ("try(tw_utils.scopelock, function() error('inner', 0) end)", "error(inner)"),
            ("try(tw_utils.scopelock, function() tw_utils.psleep(1) return nil, 5 end)", "ok(nil|5)"),
            ("(function() tw_mutex.lock() tw_mutex.unlock() return 'free' end)()", "free"),
        ],
    );
}

#[test]
fn shapes_are_defined_by_name() {
    check(
        "require 'types.datashape'",
        &[
            (
                "show(dataShapes.One({ name = 'x', baseType = 'STRING', ordinal = 4 }, { name = 'y',
                 baseType = 'INFOTABLE', aspects = { dataShape = 'One' } }):toTable())",
                "{fieldDefinitions={x={aspects={},baseType=\"STRING\",name=\"x\"},\
                 y={aspects={},baseType=\"INFOTABLE\",name=\"y\"}}}",
            ),
            (
                "(function() dataShapes.Two { name = 'x' } return type(DataShape.Two), DataShape.Other end)()",
                "userdata,nil",
            ),
            ("dataShapes.Empty()", "nil"),
        ],
    );
}

#[test]
fn pages_are_rendered() {
    let head = "require 'page' local p = page:new('My Page')
        p:addHeadContent(\"<meta name='%s'>\", 'x') p:addContent('<p>%d</p>', 5) p:addContent('100%')
        p:addTable({ { 1, 2 }, { 3, 4 } }, 'tid', 'tcls', { 'A', 'B' }) p:addList({ 'x', 'y' }, false, 'lid')
        local code, headers, body = p:render()
        local function has(text) return body:find(text, 1, true) ~= nil end";
    check(
        head,
        &[
            ("code, show(headers), #body > 200", "200,{Content-Type=\"text/html\"},true"),
            (
                "has('<title>My Page</title>'), has(\"id='tid'\"), has('<p>5</p>'), has('100%'), has(\"<meta name='x'>\")",
                "true,true,true,true,true",
            ),
            (
                "has('<tr><th>A</th><th>B</th></tr>'), has('<tr><td>3</td><td>4</td></tr>'), has('<li>y</li>')",
                "true,true,true",
            ),
            (
                "show { page:new('R'):render(302, '/elsewhere') }",
                "{[1]=302,[2]={Connection=\"close\",Location=\"/elsewhere\"},[3]=\"\"}",
            ),
            (
                "(function() local c, _, b = page:new('E'):render(404, 'Miss<ing', 'long text')
               return c, b:find('Status: 404', 1, true) ~= nil, b:find('Miss&lt;ing', 1, true) ~= nil end)()",
                "404,true,true",
            ),
        ],
    );
}

#[test]
fn groups_are_parts_of_a_table() {
    check(
        "require 'propGroups'",
        &[
            (
                "show(propGroups.getGroup(function(name, item) return item > 1 end, { a = 1, b = 2 }))",
                "{b=2}",
            ),
            (
                "show(propGroups.getGroup('^a', { ab = 1, b = 2 })), show(propGroups.getGroup('a'))",
                "{ab=1},{}",
            ),
        ],
    );
}

#[test]
fn a_script_is_started_once_and_awaited() {
    let start = "require 'utils' local load, out = tw_script.loadScriptFromFile, {}
        out[1] = tostring(load('other', 'other.lua'))
        out[2] = tostring(load('other', 'other.lua', 0))
        out[3] = (select(2, pcall(load, 'none', 'none.lua')))
        return table.concat(out, ' ')";
    let other = "while p_data.run do tw_utils.psleep(60000) end";
    let result = with_scripts(&[], async |host| {
        put(&host, "other.lua", other);
        put(&host, "test.lua", start);
        host.add(spec("test.lua")).await.expect("it starts");
        finished(&host, "test").await.result
    });
    assert!(result.starts_with("true true ") && result.ends_with("Error creating new script"), "{result}");
}
