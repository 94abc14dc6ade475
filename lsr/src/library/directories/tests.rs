use crate::host::testing::eval;

/// Runs `code` with the folder `d`, which has `a.txt`, `sub/b.bin` and `sub/deep/`, and a function that shows values
/// without the folder and the times in them.
fn in_folder(code: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().expect("a folder");
    eval(&format!(
        r#"
        local d = [[{}]]
        local function show(v)
            if type(v) == "string" then return (v:gsub(d:gsub("%p", "%%%0"), "DIR")) end
            if type(v) ~= "table" then return tostring(v) end
            local keys, out = {{}}, {{}}
            for k in pairs(v) do keys[#keys + 1] = k end
            table.sort(keys)
            for _, k in ipairs(keys) do
                local value = k == "lastModified" and (v[k]:find("^%d+$") and #v[k] == 14 and "TIME" or v[k]) or show(v[k])
                out[#out + 1] = tostring(k) .. "=" .. value
            end
            return "{{" .. table.concat(out, ",") .. "}}"
        end
        local function write(name, text) local f = assert(io.open(d .. "/" .. name, "w")) f:write(text) f:close() end
        tw_dir.mkdir(d .. "/sub/deep")
        write("a.txt", "hello world")
        write("sub/b.bin", ("0123456789"):rep(100))
        {code}"#,
        folder.path().display()
    ))
}

fn check(cases: &[(&str, &str)]) {
    for (code, expected) in cases {
        let found = in_folder(code).unwrap_or_else(|error| format!("error {error}"));
        assert_eq!(&found, expected, "{code}");
    }
}

const A_TXT: &str = "{isDir=false,isFile=true,lastModified=TIME,readOnly=false,size=11}";
const A_INFO: &str = "{isDir=false,isFile=true,lastModified=TIME,md5=,readOnly=false,size=11}";

#[test]
fn files_and_folders_are_told_apart() {
    check(&[
        (
            "return tw_dir.exists(d), tw_dir.exists(d .. '/a.txt'), tw_dir.exists(d .. '/nope')",
            "true,true,false",
        ),
        (
            "return tw_dir.isDir(d), tw_dir.isDir(d .. '/a.txt'), tw_dir.isDir(d .. '/nope'), tw_dir.isDir(nil)",
            "true,false,nil,false",
        ),
        ("return tw_dir.isFile(d), tw_dir.isFile(d .. '/a.txt'), tw_dir.isFile(nil)", "false,true,false"),
        ("return tw_dir.size(d .. '/a.txt'), type(tw_dir.size(d .. '/a.txt'))", "11,string"),
        ("return tw_dir.pwd():sub(1, 1), select('#', tw_dir.pwd())", "/,1"),
        (
            "return tw_dir.fixPath('a\\\\b/c'), tw_dir.fixPath('/x\\\\y', true), tw_dir.fixPath('/x/y/', true)",
            "a/b/c,/x/y/,/x/y/",
        ),
        ("return tw_dir.unixPath('\\\\x\\\\y', true), tw_dir.unixPath('r\\\\s')", "/x/y/,r/s"),
    ]);
    let error = in_folder("return tw_dir.size(d .. '/nope')").unwrap_err();
    assert!(error.contains("/nope: No such file"), "{error}");
}

#[test]
fn infos_are_those_of_the_original() {
    let md5 = A_INFO.replace("md5=,", "md5=5eb63bbbe01eeed093cb22bb8f5acdc3,");
    let listed = format!("{{a.txt={A_TXT}}}");
    let dir = "{isDir=true,isFile=false,lastModified=TIME,md5=,readOnly=false,size=";
    check(&[
        ("return show(tw_dir.getFileInfo(d .. '/a.txt'))", A_INFO),
        ("return show(tw_dir.getFileInfo(d .. '/a.txt', true))", &md5),
        ("return show(tw_dir.getFileInfo(d .. '/sub')):match('^.*size=')", dir),
        ("return tw_dir.getFileInfo(d .. '/nope')", "nil"),
        ("return show(tw_dir.listFiles(d))", &listed),
        (
            "return show(tw_dir.listSubdirs(d)):match('^{sub={isDir=true,isFile=false,lastModified=TIME,readOnly')",
            "{sub={isDir=true,isFile=false,lastModified=TIME,readOnly",
        ),
        (
            "return tw_dir.calculateMD5(d .. '/a.txt'), tw_dir.calculateMD5(d .. '/nope'), tw_dir.calculateMD5(d)",
            "5eb63bbbe01eeed093cb22bb8f5acdc3,nil,nil",
        ),
        (
            "local at = tonumber(tw_dir.getFileInfo(d .. '/a.txt').lastModified)
             return math.abs(at - tw_utils.currentTime()) < 60000",
            "true",
        ),
    ]);
    for list in ["listFiles", "listSubdirs"] {
        let error = in_folder(&format!("tw_dir.{list}(d .. '/nope')")).unwrap_err();
        assert!(error.contains("Invalid directory"), "{error}");
    }
}

#[test]
fn changes_are_seen() {
    let longer = A_INFO.replace("size=11", "size=13");
    check(&[
        ("local i = tw_dir.getFileInfo(d .. '/a.txt') local n, c = tw_dir.fileChanged(d .. '/a.txt', i)
          return show(n), c", &format!("{A_INFO},0")),
        ("local i = tw_dir.getFileInfo(d .. '/a.txt') write('a.txt', 'hello world!!')
          local n, c = tw_dir.fileChanged(d .. '/a.txt', i) return show(n), c", &format!("{longer},1")),
        ("local n, c = tw_dir.fileChanged(d .. '/a.txt', nil) return show(n), c", &format!("{A_INFO},1")),
        ("return tw_dir.fileChanged(d .. '/nope', {})", "nil,-1"),
        ("local i = tw_dir.getFileInfo(d .. '/a.txt', true) i.md5 = 'other'
          return select(2, tw_dir.fileChanged(d .. '/a.txt', i))", "1"),
        (
            "local c, e, n = tw_dir.directoryFilesChanged(d, tw_dir.listFiles(d)) return c, show(e), show(n)",
            &format!("false,{{}},{{a.txt={A_TXT}}}"),
        ),
        (
            "local l = tw_dir.listFiles(d) write('n.txt', '') local c, e = tw_dir.directoryFilesChanged(d, l)
             return c, (next(e)), next(e, (next(e)))",
            "true,n.txt,nil",
        ),
        (
            "local l = tw_dir.listFiles(d) tw_dir.remove(d .. '/a.txt') local c, e = tw_dir.directoryFilesChanged(d, l)
             return c, show(e)",
            "true,{}",
        ),
        (
            "local l = tw_dir.listSubdirs(d) tw_dir.mkdir(d .. '/new')
             local c, e = tw_dir.directorySubdirsChanged(d, l) return c, (next(e))",
            "true,new",
        ),
    ]);
    let error = in_folder("tw_dir.fileChanged(d)").unwrap_err();
    assert!(error.contains("This functon requires at least 2 parameters"), "{error}");
}

#[test]
fn files_are_moved_copied_and_removed() {
    check(&[
        (
            "return tw_dir.mkdir(d .. '/x/y/z'), tw_dir.mkdir(d .. '/x'), tw_dir.mkdir(d .. '/a.txt/b'), tw_dir.mkdir(nil)",
            "0,0,1,nil",
        ),
        (
            "return tw_dir.copy(d .. '/a.txt', d .. '/c.txt'), tw_dir.size(d .. '/c.txt'), tw_dir.copy(nil, 'x')",
            "0,11,nil",
        ),
        ("return tw_dir.copy(d .. '/a.txt', d .. '/sub'), tw_dir.isFile(d .. '/sub/a.txt')", "0,true"),
        (
            "return tw_dir.copy(d .. '/sub', d .. '/copy'), tw_dir.size(d .. '/copy/b.bin'), tw_dir.isDir(d .. '/copy/deep')",
            "0,1000,true",
        ),
        ("return tw_dir.copy(d .. '/sub', d .. '/sub/deep/in')", "1"),
        ("return tw_dir.copy(d .. '/a.txt', d .. '/a.txt'), tw_dir.size(d .. '/a.txt')", "1,11"),
        ("return tw_dir.copy(d .. '/nope', d .. '/c'), tw_dir.move(d .. '/nope', d .. '/c')", "1,1"),
        (
            "return tw_dir.move(d .. '/a.txt', d .. '/sub/c.txt'), tw_dir.exists(d .. '/a.txt'), tw_dir.size(d .. '/sub/c.txt')",
            "0,false,11",
        ),
        ("return tw_dir.move(d .. '/a.txt', d .. '/sub'), tw_dir.exists(d .. '/sub/a.txt')", "0,true"),
        (
            "return tw_dir.remove(d .. '/a.txt'), tw_dir.remove(d .. '/a.txt'), tw_dir.remove(d .. '/sub'),
            tw_dir.exists(d .. '/sub'), tw_dir.remove(nil), tw_dir.remove('')",
            "0,0,0,false,nil,nil",
        ),
        ("return tw_dir.remove('/'), tw_dir.remove('//')", "1,1"),
    ]);
}

#[cfg(unix)]
#[test]
fn permissions_are_set() {
    check(&[
        ("return tw_dir.chmod(d .. '/a.txt', '444'), tw_dir.getFileInfo(d .. '/a.txt').readOnly", "0,true"),
        ("return tw_dir.chmod(d .. '/a.txt', 644), tw_dir.getFileInfo(d .. '/a.txt').readOnly", "0,false"),
        ("return tw_dir.chmod(d .. '/nope', 644)", "1"),
    ]);
    let error = in_folder("tw_dir.chmod(d .. '/a.txt', 'u+x')").unwrap_err();
    assert!(error.contains("bad argument #2 to '?' (octal number expected, got string)"), "{error}");
}

#[test]
fn archives_are_written_and_read() {
    check(&[
        (
            "local zip = tw_dir.compressFile('a.txt', d, d .. '/one.zip')
             return show(zip), tw_dir.decompress(zip, d .. '/out'), show(tw_dir.listFiles(d .. '/out'))",
            &format!("DIR/one.zip,true,{{a.txt={A_TXT}}}"),
        ),
        (
            "local zip = tw_dir.compressDir('sub', d, d .. '/dir.zip')
             return show(zip), tw_dir.decompress(zip, d .. '/out'), tw_dir.size(d .. '/out/sub/b.bin'),
                tw_dir.isDir(d .. '/out/sub/deep')",
            "DIR/dir.zip,true,1000,true",
        ),
        (
            "local zip = tw_dir.compressFiles(tw_dir.listFiles(d), d, d .. '/all.zip')
             return show(zip), tw_dir.decompress(zip, d .. '/out'), tw_dir.size(d .. '/out/a.txt')",
            "DIR/all.zip,true,11",
        ),
        ("return show(tw_dir.compressFiles({ 'a.txt', 'sub/b.bin' }, d))", "DIR/files.zip"),
        ("return show(tw_dir.compressFile('a.txt', d))", "DIR/a.txt.zip"),
        (
            "local zip = tw_dir.compressDir('.', d, d .. '/whole.zip')
             return show(zip), tw_dir.decompress(zip, d .. '/out'), tw_dir.size(d .. '/out/sub/b.bin'),
                tw_dir.exists(d .. '/out/whole.zip')",
            "DIR/whole.zip,true,1000,false",
        ),
        ("return tw_dir.compressFile('nope', d, d .. '/x.zip'), tw_dir.exists(d .. '/x.zip.part')", ",false"),
        ("return tw_dir.compressFile('../x', d), tw_dir.compressFile('a.txt', d, d .. '/no/where.zip')", ","),
        (
            "return tw_dir.decompress(d .. '/nope.zip', d .. '/out'), tw_dir.decompress(d .. '/a.txt', d .. '/out')",
            "nil,nil",
        ),
    ]);
}

#[test]
fn waits_end() {
    check(&[
        (
            "return tw_dir.waitForFile(d .. '/a.txt', 300), tw_dir.waitForFile(d .. '/nope', 150)",
            "true,false",
        ),
        (
            "return show(tw_dir.dwell(d .. '/a.txt', 20)), tw_dir.dwell(d .. '/nope', 20)",
            &format!("{A_INFO},nil"),
        ),
        (
            "return tw_dir.waitForFile(d .. '/a.txt', -1), tw_dir.waitForFile(d .. '/a.txt', 1e300)",
            "true,true",
        ),
    ]);
}

#[test]
fn counts_of_arguments_are_checked() {
    for (name, least) in [
        ("listFiles", 1),
        ("listSubdirs", 1),
        ("getFileInfo", 1),
        ("fileChanged", 2),
        ("directoryFilesChanged", 2),
        ("compressFile", 2),
        ("compressDir", 2),
        ("compressFiles", 2),
        ("decompress", 2),
        ("calculateMD5", 1),
        ("fixPath", 1),
        ("move", 2),
        ("copy", 2),
        ("mkdir", 1),
        ("remove", 1),
        ("exists", 1),
        ("isDir", 1),
        ("isFile", 1),
        ("size", 1),
        ("waitForFile", 2),
        ("dwell", 2),
        ("chmod", 2),
    ] {
        let error = eval(&format!("tw_dir.{name}()")).unwrap_err();
        assert!(
            error.contains(&format!("This functon requires at least {least} parameters")),
            "{name}: {error}"
        );
        let error = eval(&format!("ps_dir.{name}(1, 2, 3, 4)")).unwrap_err();
        assert!(error.contains("This functon only can handle"), "{name}: {error}");
    }
}
