/// An exception inside the site, before it is made an answer.
struct SiteError: Error, Sendable {
    var status: Int
    /// Name of the exception's class, such as `ValidationError`.
    var type: String
    /// Where Python has that class; empty for its own ones.
    var module = "frappe.exceptions"
    var words: SiteWords?
    /// Shown to the user (`frappe.throw`), so that it is in `_server_messages` as well.
    var isShown = false
    /// `_error_message`.
    var errorMessage: SiteWords?
    var isSessionExpired = false
    var headers: [(String, String)] = []

    /// What `frappe.throw` raises.
    static func shown(
        _ status: Int, _ type: String, module: String = "frappe.exceptions", _ words: SiteWords
    ) -> SiteError {
        SiteError(status: status, type: type, module: module, words: words, isShown: true)
    }

    /// What it raises when it is told no class: 417, ValidationError.
    static func shown(_ words: SiteWords) -> SiteError { shown(417, "ValidationError", words) }

    /// What Python or the database raises: nobody meant it for a user.
    static func raised(_ status: Int, _ type: String, module: String = "", _ text: String) -> SiteError {
        SiteError(status: status, type: type, module: module, words: .untranslated(text))
    }

    static let authentication = SiteError(status: 401, type: "AuthenticationError")
    static let csrf = SiteError.shown(400, "CSRFTokenError", .invalidRequest)
    static let sessionStopped = SiteError.raised(
        503, "SessionStopped", module: "frappe.exceptions", "Session Stopped")
    static let sessionExpired = SiteError(status: 403, type: "PermissionError", isSessionExpired: true)

    static func insufficient(_ doctype: String, _ action: String? = nil) -> SiteError {
        SiteError(
            status: 403, type: "PermissionError", words: .untranslated(doctype),
            errorMessage: .insufficient(doctype: doctype, action: action))
    }

    static func linkedRecord(_ doctype: String, employee: String) -> SiteError {
        var error = SiteError.shown(
            403, "PermissionError", .linkedRecord(doctype: doctype, employee: employee))
        error.errorMessage = .insufficient(doctype: doctype, action: nil)
        return error
    }

    static func notFound(_ doctype: String, _ name: String) -> SiteError {
        .shown(404, "DoesNotExistError", .notFound(doctype: doctype, name: name))
    }

    static func nameTaken(_ name: String) -> SiteError {
        .shown(409, "DuplicateEntryError", .alreadyExists(doctype: "Employee Checkin", name: name))
    }

    static func noMethod(_ name: String, _ reason: String) -> SiteError {
        .shown(.noMethod(name: name, reason: reason))
    }

    static func database(_ code: Int, _ text: String) -> SiteError {
        .raised(500, "OperationalError", module: "pymysql.err", "(\(code), \"\(text)\")")
    }

    /// The limit of the whole site: a budget of server time for each window.
    static func siteLimit(reset: Int, limit: Int) -> SiteError {
        SiteError(
            status: 429, type: "TooManyRequestsError",
            headers: [
                ("Retry-After", "\(reset)"), ("X-RateLimit-Reset", "\(reset)"),
                ("X-RateLimit-Limit", "\(limit)"), ("X-RateLimit-Remaining", "0"),
            ])
    }

    /// The limit of one method.
    static let methodLimit = SiteError.shown(429, "RateLimitExceededError", .tooManyRequests)

    /// The last line of the traceback.
    func exception(_ language: SimulatedSiteLanguage) -> String {
        let name = module.isEmpty ? type : "\(module).\(type)"
        guard let words else { return name }
        return "\(name): \(words.text(language))"
    }
}

/// Which of the keys of Frappe's error bodies a site sends (docs/erpnext.md §7).
package enum SimulatedErrorBody: Hashable, Sendable, CaseIterable {
    /// As the site's version does, *Allow Error Traceback* on.
    case whole
    /// *Allow Error Traceback* off: neither `exception` nor `exc` nor `_exc_source`.
    case withoutTraceback
    /// Without `_server_messages`: the words are in the exception only.
    case withoutMessages
    /// `exc_type` and nothing else.
    case typeOnly
    /// As `/api/v2` writes it, under whatever path.
    case version2
}

/// How answers of one request are to be written.
struct ReplyStyle: Sendable {
    var language = SimulatedSiteLanguage.english
    var errorBody = SimulatedErrorBody.whole
    /// Frappe's major version.
    var major = 15
    /// Whether the request came under `/api/v2`.
    var isVersion2 = false
    /// Whether the client wants pages and no JSON.
    var wantsPages = false
    /// A session cookie came that the site no longer knows, beside a good token.
    var hasStaleSession = false

    func reply(_ error: SiteError) -> FrappeReply {
        var reply =
            if wantsPages {
                page(error)
            } else if isVersion2 || errorBody == .version2 {
                FrappeReply.json(version2(error), status: error.status)
            } else {
                FrappeReply.json(version1(error), status: error.status)
            }
        reply.headers += error.headers
        return reply
    }

    private func page(_ error: SiteError) -> FrappeReply {
        .html(
            error.status,
            "<!DOCTYPE html><html><body><div class=\"page-card\"><h5>\(error.type)</h5><p>"
                + "\(error.words?.text(language) ?? "")</p></div></body></html>")
    }

    private func version1(_ error: SiteError) -> [String: FrappeValue] {
        var object: [String: FrappeValue] = ["exc_type": .text(error.type)]
        if error.isSessionExpired { object["session_expired"] = 1 }
        if errorBody == .typeOnly { return object }
        // Bare refusals of a token have no words at all, and what does not exist leaves no traceback.
        let hasTraceback =
            errorBody != .withoutTraceback && error.status != 404
            && (error.status != 401 || error.words != nil)
        if hasTraceback {
            object["exception"] = .text(error.exception(language))
            object["exc"] = .text(FrappeValue.list([.text(traceback(error))]).json())
            if major >= 15 { object["_exc_source"] = .text(source(error)) }
        }
        if let words = error.words, error.isShown, errorBody != .withoutMessages {
            object["_server_messages"] = .text(FrappeValue.list([.text(message(words).json())]).json())
        }
        if let words = error.errorMessage { object["_error_message"] = .text(words.text(language)) }
        return object
    }

    private func version2(_ error: SiteError) -> [String: FrappeValue] {
        var entry: [String: FrappeValue] = ["type": .text(error.type)]
        if errorBody != .withoutTraceback, error.status != 404 {
            entry["exception"] = .text(traceback(error))
        }
        if let words = error.words, error.isShown {
            entry["message"] = .text(words.text(language))
            entry["title"] = "Message"
            entry["indicator"] = "red"
        }
        return ["errors": .list([.object(entry)])]
    }

    private func message(_ words: SiteWords) -> FrappeValue {
        var entry: [String: FrappeValue] = ["message": .text(words.text(language))]
        if major >= 14 { entry["title"] = "Message" }
        entry["indicator"] = "red"
        entry["raise_exception"] = 1
        if major >= 15 { entry["__frappe_exc_id"] = "5f0c6f1fb1a3f3b0ae6a5f8f4d0f9a1f7f3f6c3bb2a1d0a9" }
        return .object(entry)
    }

    private func traceback(_ error: SiteError) -> String {
        """
        Traceback (most recent call last):
          File "apps/frappe/frappe/app.py", line 114, in application
            response = frappe.api.handle(request)
          File "apps/frappe/frappe/handler.py", line 84, in execute_cmd
            return frappe.call(method, **frappe.form_dict)
        \(error.exception(language))

        """
    }

    private func source(_ error: SiteError) -> String {
        error.module.hasPrefix("hrms") || error.module.hasPrefix("erpnext") ? "hrms (app)" : "frappe (app)"
    }
}
