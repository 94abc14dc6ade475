//! `io` and `os.execute`: as Lua 5.1 has them, and without holding up anybody.

use super::super::testing::{body, eval, with_scripts};

/// The result of code that has a file name in `name`.
#[track_caller]
fn with_file(code: &str) -> String {
    eval(&format!("local name = os.tmpname() {code}")).unwrap()
}

#[test]
fn what_is_written_is_read_again() {
    let code = "local f = assert(io.open(name, 'w')) f:write('one\\n', 2, '\\nthree') f:close() \
                f = io.open(name) local a, b, c, d = f:read('*l', '*n', '*l', '*a') \
                local last = f:read('*l') f:close() return a, b, c, d, last";
    assert_eq!(with_file(code), "one,2,,three,nil");
}

#[test]
fn lines_are_read_one_by_one_with_carriage_returns_left_in() {
    let code = "local f = io.open(name, 'wb') f:write('a\\r\\nb\\n\\nc') f:close() \
                local t = {} for line in io.lines(name) do t[#t + 1] = #line end \
                local u = {} f = io.open(name) for line in f:lines() do u[#u + 1] = line end \
                return table.concat(t, ' '), #u, io.type(f), f:close(), io.type(f)";
    assert_eq!(with_file(code), "2 1 0 1,4,file,true,closed file");
}

#[test]
fn a_file_is_appended_to_changed_in_place_and_searched() {
    let code = "local f = io.open(name, 'w') f:write('abcdef') f:close() \
                f = io.open(name, 'a') f:write('gh') f:close() \
                f = io.open(name, 'r+') local first = f:read(2) f:write('XY') f:seek('set', 0) local all = f:read('*a') \
                local size = f:seek('end') f:close() return first, all, size";
    assert_eq!(with_file(code), "ab,abXYefgh,8");
}

#[test]
fn what_is_not_closed_is_written_all_the_same() {
    let code = "do local f = io.open(name, 'w') f:write('left') end collectgarbage() collectgarbage() \
                return io.open(name):read('*a')";
    assert_eq!(with_file(code), "left");
}

#[test]
fn a_missing_file_is_nil_with_a_text_and_a_number() {
    let code = "return io.open('/no/such/file')";
    assert_eq!(eval(code).unwrap(), "nil,/no/such/file: No such file or directory,2");
    let code = "return pcall(io.lines, '/no/such/file')";
    assert!(eval(code).unwrap().ends_with("/no/such/file: No such file or directory"));
    assert_eq!(eval("return io.open('/tmp', 'q')").unwrap(), "nil,/tmp: Invalid argument,22");
}

#[test]
fn a_closed_file_is_an_error_and_a_wrong_direction_a_result() {
    let code = "local f = io.open(name, 'w') local nothing, text, number = f:read('*a') f:close() \
                local ok, closed = pcall(f.write, f, 'x') return nothing, text, number, ok, closed, tostring(f)";
    assert_eq!(with_file(code), "nil,Bad file descriptor,9,false,attempt to use a closed file,file (closed)");
}

#[test]
fn numbers_and_bytes_are_read() {
    let code = "local f = io.open(name, 'w') f:write(' 1.5e2x12') f:close() f = io.open(name) \
                return f:read('*n'), f:read(1), f:read(0), f:read(5), f:read(0), f:read('*a')";
    assert_eq!(with_file(code), "150,x,,12,nil,");
}

#[test]
fn the_default_files_are_chosen_by_name() {
    let code = "io.output(name) io.write('x', 1) io.close() io.output(io.stdout) \
                io.input(name) local text = io.read('*a') return text";
    assert_eq!(with_file(code), "x1");
    assert_eq!(eval("return io.read('*l')").unwrap(), "nil");
}

#[test]
fn a_process_is_read_and_written() {
    assert_eq!(
        eval("local f = io.popen('echo a; echo b') return f:read('*l'), f:read('*a'), f:close()").unwrap(),
        "a,b\n,true"
    );
    let code = "local f = io.popen('cat > ' .. name, 'w') f:write('through') f:close() return io.open(name):read('*a')";
    assert_eq!(with_file(code), "through");
    assert_eq!(
        eval("local n = 0 for _ in io.popen('seq 2000'):lines() do n = n + 1 end return n").unwrap(),
        "2000"
    );
}

#[test]
fn the_status_of_a_command_is_a_number() {
    assert_eq!(eval("return os.execute('true'), os.execute('exit 3'), os.execute()").unwrap(), "0,768,1");
}

#[test]
fn values_that_are_no_text_cannot_be_written() {
    let text = eval("return select(2, pcall(io.write, {}))").unwrap();
    assert_eq!(text, "bad argument #1 to 'write' (string expected, got table)");
}

#[test]
fn a_script_that_waits_for_a_process_holds_up_neither_itself_nor_others() {
    let waits = r#"
        pipe = os.tmpname()
        os.remove(pipe)
        os.execute("mkfifo " .. pipe)
        function popen() return 200, io.popen("cat " .. pipe):read("*a") end
        function execute() return 200, os.execute("cat " .. pipe .. " > /dev/null") end
        function open() return 200, io.open(pipe):read("*a") end
        function name() return 200, pipe end
        for _, name in ipairs {"popen", "execute", "open", "name"} do tw_http.registerCallback("/" .. name, name) end
        while p_data.run do tw_utils.psleep(60000) end
    "#;
    let other = r#"
        function write(method, path, headers, query, data)
          local quick = io.popen("echo quick"):read("*l")
          local f = io.open("/" .. table.concat(path, "/", 2), "w")
          f:write("text")
          f:close()
          return 200, quick
        end
        tw_http.registerCallback("/write", "write")
        while p_data.run do tw_utils.psleep(60000) end
    "#;
    with_scripts(&[("a.lua", waits), ("b.lua", other)], async |host| {
        let pipe = body(&host, "a", "name").await;
        for (path, result) in [("popen", "text"), ("execute", "0"), ("open", "text")] {
            let (waited, quick) = tokio::join!(body(&host, "a", path), async {
                assert_eq!(body(&host, "a", "name").await, pipe);
                body(&host, "b", &format!("write{pipe}")).await
            });
            assert_eq!((waited.as_str(), quick.as_str()), (result, "quick"), "{path}");
        }
        std::fs::remove_file(pipe).unwrap();
    });
}
