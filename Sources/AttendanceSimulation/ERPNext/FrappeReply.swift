import Foundation

/// An HTTP answer as the simulated site gives it.
struct FrappeReply: Sendable {
    var status: Int
    var headers: [(String, String)] = []
    var type = "application/json"
    var body: [UInt8] = []

    static func json(_ object: [String: Any]) -> FrappeReply { json(200, object) }

    static func json(_ status: Int, _ object: [String: Any], headers: [(String, String)] = []) -> FrappeReply
    {
        // Dictionaries of texts and numbers made here: they can always be written.
        let data =
            (try? JSONSerialization.data(withJSONObject: object, options: .withoutEscapingSlashes)) ?? Data()
        return FrappeReply(status: status, headers: headers, body: Array(data))
    }

    static func html(_ status: Int, _ text: String, headers: [(String, String)] = []) -> FrappeReply {
        FrappeReply(
            status: status, headers: headers, type: "text/html; charset=utf-8", body: Array(text.utf8))
    }

    /// A Frappe error: the words are double-encoded in `_server_messages`, the traceback in `exc`.
    static func error(
        _ status: Int, _ exceptionType: String, _ message: String?, headers: [(String, String)] = []
    ) -> FrappeReply {
        var object: [String: Any] = ["exc_type": exceptionType]
        let exception = "frappe.exceptions.\(exceptionType): \(message ?? "")"
        object["exception"] = exception
        object["exc"] = text([
            "Traceback (most recent call last):\n  File \"apps/frappe/app.py\", line 1\n\(exception)\n"
        ])
        if let message {
            let inner: [String: Any] = [
                "message": message, "title": "Message", "indicator": "red", "raise_exception": 1,
            ]
            object["_server_messages"] = text([text(inner)])
        }
        return json(status, object, headers: headers)
    }

    private static func text(_ value: Any) -> String {
        // As above.
        (try? JSONSerialization.data(withJSONObject: value, options: .withoutEscapingSlashes))
            .map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
