import AttendanceCore
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import Mustache

/// The console: what its pages have in common.
package struct Console: Sendable {
    package let operations: Operations
    package let accounts: Accounts
    package let live: LiveHub
    package let logger: Logger
    /// Whether a browser may send our cookies over TLS only.
    package let isSecure: Bool
    private let templates: ConsoleTemplates

    package init(
        operations: Operations, accounts: Accounts, live: LiveHub, templates: ConsoleTemplates,
        isSecure: Bool, logger: Logger
    ) {
        self.operations = operations
        self.accounts = accounts
        self.live = live
        self.isSecure = isSecure
        self.logger = logger
        self.templates = templates
    }

    /// A text of a page's words, in the reader's language.
    package func text(
        _ page: String, _ key: String, _ context: ConsoleContext,
        _ places: KeyValuePairs<String, String> = [:]
    ) -> String {
        templates.words[page]?(key, in: context.language, places) ?? key
    }

    /// A page as it goes out.
    ///
    /// - `page`: its template and words are called so.
    /// - `title`: nil takes the word `title`.
    /// - `model`: what the template calls `page`: a struct or dictionary of texts, flags and arrays of such.
    package func render(
        _ page: String, _ model: Any, at place: ConsolePlace? = nil, title: String? = nil,
        notice: PageNotice? = nil, status: HTTPResponse.Status = .ok, request: Request,
        context: ConsoleContext
    ) -> Response {
        let frame = frame(
            title: title ?? text(page, "title", context), at: place, notice: notice, request: request,
            context: context)
        let values: [String: Any] = [
            "t": templates.words[page]?.all(in: context.language) ?? [:],
            "frame": PlainModel.of(frame) ?? frame, "page": PlainModel.of(model) ?? model,
        ]
        let html = templates.library.render(values, withTemplate: page) ?? ""
        var headers = HTTPFields()
        headers[.contentType] = "text/html; charset=utf-8"
        headers[.cacheControl] = "no-store"
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: html)))
    }

    /// What is shown instead of a page that there is not, that one may not see, or that failed.
    package func trouble(
        _ status: HTTPResponse.Status, request: Request, context: ConsoleContext
    ) -> Response {
        let code = [400, 403, 404, 413].contains(status.code) ? status.code : status.code < 500 ? 400 : 500
        let title = text("trouble", "title_\(code)", context)
        return render(
            "trouble",
            ["title": title, "text": text("trouble", "text_\(code)", context), "back": "/"], title: title,
            status: status, request: request, context: context)
    }

    private func frame(
        title: String, at place: ConsolePlace?, notice: PageNotice?, request: Request, context: ConsoleContext
    ) -> PageFrame {
        let principal = context.principal
        let places = ConsolePlace.allCases.filter { principal?.may($0.scope) ?? false }
        let waiting = principal == nil ? [:] : live.waiting
        return PageFrame(
            language: context.language.rawValue, direction: context.language.direction, title: title,
            version: operations.version,
            places: places.map { other in
                PageFrame.Place(
                    href: other.path, label: text("trouble", other.word, context), isHere: other == place,
                    badge: waiting[other].flatMap { $0 > 0 ? "\($0)" : nil })
            },
            languages: Language.allCases.map {
                .init(value: $0.rawValue, label: $0.ownName, isChosen: $0 == context.language)
            },
            person: principal?.name,
            role: principal?.role.map { text("trouble", "role_\($0.rawValue)", context) },
            formToken: context.formToken, here: request.uri.string,
            notice: notice.map { .init(tone: $0.tone.rawValue, text: $0.text) }, isBare: principal == nil)
    }

    /// Sends the browser to another of our pages, after a form was carried out.
    package func redirect(to path: String) -> Response {
        var headers = HTTPFields()
        headers[.location] = Self.isOwn(path) ? path : "/"
        headers[.cacheControl] = "no-store"
        return Response(status: .seeOther, headers: headers)
    }

    /// Whether an address leads to this console and nowhere else.
    static func isOwn(_ path: String) -> Bool {
        path.hasPrefix("/") && !path.hasPrefix("//")
            && path.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x5C }
    }
}

/// Templates and words, read once, at the start.
package struct ConsoleTemplates: Sendable {
    let library: MustacheLibrary
    let words: [String: Words]

    /// Throws for a mistake in one of them, which is a mistake of the program.
    package init() throws {
        var library = MustacheLibrary()
        try library.register(String(decoding: ConsoleResources.layout, as: UTF8.self), named: "layout")
        let frame = try Words([("frame", Data(ConsoleResources.frameWords))])
        var words: [String: Words] = [:]
        for page in ConsoleResources.pages {
            try library.register(String(decoding: page.template, as: UTF8.self), named: page.name)
            words[page.name] = frame.joined(try Words([(page.name, Data(page.words))]))
        }
        self.library = library
        self.words = words
    }
}

/// A line above a page about what was just done.
package struct PageNotice: Sendable {
    package enum Tone: String, Sendable { case good, bad, info }
    package var tone: Tone
    package var text: String

    package init(_ tone: Tone, _ text: String) {
        self.tone = tone
        self.text = text
    }
}
