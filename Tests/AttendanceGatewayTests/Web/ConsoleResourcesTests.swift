import Foundation
import Testing

@testable import AttendanceWeb

/// The files of the console: all named, all words there in every language.
struct ConsoleResourcesTests {
    private static var folder: URL {
        URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../../Sources/AttendanceWeb/Resources"
        )
        .standardizedFileURL
    }
    private static var shared: Set<String> {
        ["layout.mustache", "frame.words.json", "console.css", "console.js", "icon.svg"]
    }

    @Test func `every file of the folder is part of the program`() throws {
        let files = Set(try FileManager.default.contentsOfDirectory(atPath: Self.folder.path))
        let templates = Set(ConsoleResources.pages.map { "\($0.name).mustache" })
        // Several pages may share their words.
        let words = Set(ConsoleResources.pages.map { $0.words })
        for file in files.subtracting(Self.shared).subtracting(templates) {
            let bytes = try Data(contentsOf: Self.folder.appending(path: file))
            #expect(file.hasSuffix(".words.json") && words.contains(Array(bytes)), "\(file)")
        }
        #expect(templates.isSubset(of: files))
    }

    @Test func `templates and words can be read`() throws {
        #expect(try ConsoleTemplates().words.count == ConsoleResources.pages.count)
    }

    @Test(arguments: [
        ("{count} of {all}", nil), ("{all}: {count}", nil), ("{count}", "other places"),
        ("{count} of {al}", "other places"), ("{count} of {all", "other places"), ("", "no text"),
    ])
    func `a text has the same places in every language`(arabic: String, fault: String?) throws {
        var texts = Dictionary(
            uniqueKeysWithValues: Language.allCases.map { ($0.rawValue, "{count} of {all}, {} and {No}") })
        texts["ar"] = arabic
        let content = try JSONEncoder().encode(["key": texts])
        if let fault {
            let error = #expect(throws: WordsError.self) { try Words([("page", content)]) }
            #expect(error?.text.contains(fault) == true)
        } else {
            #expect(try Words([("page", content)]).all(in: .english)["key"]?.hasPrefix("{count}") == true)
        }
    }

    @Test(arguments: ConsoleResources.pages.map(\.name))
    func `a page has every word that its template names`(name: String) throws {
        let words = try #require(try ConsoleTemplates().words[name]).all(in: .english)
        for file in ["layout", name] {
            let text = try String(
                contentsOf: Self.folder.appending(path: "\(file).mustache"), encoding: .utf8)
            for match in text.matches(of: /\{\{[#^]?t\.([a-z_0-9]+)\}\}/) {
                #expect(words[String(match.1)] != nil, "\(file): \(match.1)")
            }
        }
    }

    @Test(arguments: ConsoleResources.pages.map(\.name))
    func `a page loads nothing from elsewhere and holds no script or style of its own`(name: String) throws {
        let text = try String(contentsOf: Self.folder.appending(path: "\(name).mustache"), encoding: .utf8)
        // What a field gives as an example is not loaded.
        let rest = text.replacing(/placeholder="[^"]*"/, with: "")
        #expect(!rest.contains("http://") && !rest.contains("https://") && !rest.contains("//cdn"))
        #expect(!text.contains("style=") && !text.contains("<style") && !text.contains("<script"))
        #expect(text.firstMatch(of: /\son[a-z]+=/) == nil)
    }

    @Test(arguments: [
        ("{\"a\": {\"en\": \"x\"}}", "has no text in"),
        (
            "{\"a\": {\"en\": \"{n}\", \"ar\": \"{m}\", \"es\": \"{n}\", \"fr\": \"{n}\", \"hi\": \"{n}\", \"pt\": \"{n}\"}}",
            "other places"
        ),
        (
            "{\"a\": {\"en\": \"x\", \"ar\": \"x\", \"es\": \"x\", \"fr\": \"x\", \"hi\": \"x\", \"pt\": \"x\", \"de\": \"x\"}}",
            "no language"
        ),
    ])
    func `a mistake in the words is named`(json: String, expected: String) {
        let error = #expect(throws: WordsError.self) { try Words([("page", Data(json.utf8))]) }
        #expect(error?.text.contains(expected) == true)
    }

    @Test(
        arguments: [
            ("ar", Language.arabic), ("pt-BR, en;q=0.5", .portuguese), ("de, fr;q=0.3, en;q=0.7", .english),
            ("xx", nil), ("", nil), (String(repeating: "ar,", count: 5000), .arabic),
        ] as [(String, Language?)])
    func `the best language of a browser is taken`(header: String, expected: Language?) {
        #expect(Language(accepted: header) == expected)
    }

    @Test func `forms are bounded`() throws {
        #expect(throws: FormError.self) { try FormFields(body: String(repeating: "a=1&", count: 600)) }
        #expect(throws: FormError.self) { try FormFields(body: "a=" + String(repeating: "x", count: 20_001)) }
        #expect(throws: FormError.self) { try FormFields(body: "a=%ff") }
        let form = try FormFields(body: "name=+Asha+%26+Co+&x=1&x=2&empty=")
        #expect(form["name"] == "Asha & Co")
        #expect(form.all("x") == ["1", "2"])
        #expect(form["empty"] == nil && form.isTicked("empty"))
    }
}
