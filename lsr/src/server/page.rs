//! The small HTML pages that the server itself answers with (script resource notes, 2.1 and 2.3). Their markup is the
//! recorded one: programs in the field look for words in it.

/// A page that says what is wrong, `title` being status and reason.
pub(super) fn error(title: &str, sentence: &str) -> String {
    format!(
        "<html><head>\n<title>{title}</title>\n<style type=text/css>\n<!--\n\
         body{{font-family:Verdana,sans-serif;font-size:9pt}}\nh3{{font-size:13pt}}\n\
         pre{{font-family:Courier New,cour}}\n-->\n</style>\n</head><body>\n<h3><br>{title}</h3>\n\
         <p>{sentence}</p>\n<p><hr noshade size=1>{SERVER}</p>\n</body></html>\n"
    )
}

/// What is answered at every path that is nothing.
pub(super) fn help() -> &'static str {
    "<html><head>\n<title>Script Resource</title>\n</head><body>\n<h3>Script Resource</h3>\n<ul>\n\
     <li><a href=\"/scripts?format=text/html\">/scripts</a>: the scripts that run here</li>\n\
     <li>/scripts/&lt;script&gt;/status, result, source, properties: one script</li>\n\
     <li>/scripts/&lt;script&gt;/&lt;path&gt;: a path that the script serves</li>\n\
     <li>/scripts/Thingworx/Things/&lt;thing&gt;/Properties/&lt;property&gt;, Services/&lt;service&gt;: a thing</li>\n\
     <li><a href=\"/properties?format=text/html\">/properties</a>: the global settings</li>\n\
     <li><a href=\"/scripts/newscript\">/scripts/newscript</a>: add a script</li>\n</ul>\n</body></html>\n"
}

/// The form by which a script is added.
pub(super) fn new_script() -> &'static str {
    "<html><head>\n<title>New script</title>\n</head><body>\n<h3>New script</h3>\n\
     <form method=\"post\" action=\"/scripts\" enctype=\"application/x-www-form-urlencoded\">\n\
     <p>Name <input type=\"text\" name=\"name\"></p>\n<p>File <input type=\"text\" name=\"filename\"></p>\n\
     <p><input type=\"submit\" value=\"Add\"></p>\n</form>\n</body></html>\n"
}

/// Makes `text` safe in HTML and XML, attributes included.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// What the header `Server` and the pages say.
pub(super) const SERVER: &str = "ThingWorx HTTP Server (UNIX)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_for_a_wrong_content_type_is_the_recorded_one() {
        let page = error("415 Unsupported Media Type", "The specified content-type is not supported.");
        assert_eq!(page.len(), 375);
        assert!(
            page.starts_with(
                "<html><head>\n<title>415 Unsupported Media Type</title>\n<style type=text/css>"
            )
        );
    }

    #[test]
    fn nothing_that_is_shown_becomes_markup() {
        assert_eq!(escape("<a href=\"x\">&</a>"), "&lt;a href=&quot;x&quot;&gt;&amp;&lt;/a&gt;");
    }
}
