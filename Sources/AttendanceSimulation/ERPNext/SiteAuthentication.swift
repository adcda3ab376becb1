import Foundation

/// What the API user may do. All of it, as the role HR User can, unless a test takes something away.
package struct SimulatedSiteRights: Hashable, Sendable {
    /// Create Employee Checkins.
    package var createCheckin = true
    /// Write at permission level 1, where `time` is: without it the site stores the present time and answers 200.
    package var writeLevelOne = true
    package var readCheckin = true
    package var deleteCheckin = true
    package var writeCheckin = true
    package var readEmployee = true
    package var readShiftType = true
    package var writeShiftType = true
    /// A User Permission: only this employee (document name) and what is linked to it.
    package var onlyEmployee: String?

    package init() {}
}

extension SimulatedSite {
    /// Who asks.
    enum Visitor: Sendable { case guest, user }

    /// The API user.
    static let user = "hr-gateway@example.com"

    /// As Frappe's `validate_auth` goes: a header that is not of two words is as good as none; one that is and does not
    /// lead to a user ends the request.
    func visitor(of request: SiteRequest) throws(SiteError) -> Visitor {
        guard let credential else { return .user }
        let words = (request.headers["authorization"] ?? "")
            .split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 2 else { return .guest }
        let given: String?
        switch words[0].lowercased() {
        case "token": given = String(words[1])
        case "basic":
            guard let decoded = Data(base64Encoded: String(words[1])) else {
                throw SiteError.shown(400, "InvalidAuthorizationToken", .badToken)
            }
            given = String(decoding: decoded, as: UTF8.self)
        // A bearer is looked for among OAuth tokens, of which this site has none.
        default: given = nil
        }
        guard given == credential else { throw SiteError.authentication }
        return .user
    }

    /// A request that brings the session cookie along is taken for a browser's: Frappe then wants a CSRF token for
    /// whatever may change something. A session it no longer knows ends the request unless a token is there too.
    /// Returns whether there was such a session.
    func staleSession(_ request: SiteRequest, _ visitor: Visitor) throws(SiteError) -> Bool {
        guard let cookies = request.headers["cookie"] else { return false }
        let session = cookies.split(separator: ";")
            .map { $0.drop { $0 == " " } }.first { $0.hasPrefix("sid=") }?.dropFirst(4)
        guard let session else { return false }
        if session == Self.sessionOfGuests {
            if request.commits { throw SiteError.csrf }
            return false
        }
        if visitor == .guest { throw SiteError.sessionExpired }
        return true
    }

    static let sessionOfGuests: Substring = "Guest"

    /// All five that come with every answer of Frappe's, also to callers with a token.
    static let cookies = [
        "sid=\(sessionOfGuests); Path=/; HttpOnly; SameSite=Lax", "system_user=no; Path=/; SameSite=Lax",
        "full_name=Guest; Path=/; SameSite=Lax", "user_id=Guest; Path=/; SameSite=Lax",
        "user_image=; Path=/; SameSite=Lax",
    ]

    func mayRead(_ doctype: String) -> Bool {
        switch doctype {
        case "Employee": rights.readEmployee
        case "Employee Checkin": rights.readCheckin
        case "Shift Type": rights.readShiftType
        default: false
        }
    }

    /// Whether the User Permission, if there is one, lets the API user see what belongs to an employee.
    func sees(_ employee: String) -> Bool {
        rights.onlyEmployee.map { collated($0) == collated(employee) } ?? true
    }
}
