/// How injected faults meet requests.
extension SimulatedSite {
    /// The first fault that is meant for the request, used up by one.
    mutating func takeFault(_ request: SiteRequest, keys: [String]?) -> ERPNextFault? {
        let index = faults.firstIndex { fault in
            if let path = fault.path { return path == request.path }
            if let person = fault.person { return keys.map { isOne(of: $0, person) } ?? false }
            return keys != nil || (fault.left == nil && fault.fault.isSiteWide)
        }
        guard let index else { return nil }
        let fault = faults[index].fault
        if let left = faults[index].left {
            if left <= 1 { faults.remove(at: index) } else { faults[index].left = left - 1 }
        }
        return fault
    }

    /// Whether a person key is among those of a request, whether as it was sent or by the employee it stands for.
    private func isOne(of keys: [String], _ person: String) -> Bool {
        keys.contains { key in
            if key == person { return true }
            guard let employee = employees[key] else { return false }
            return employee.deviceID == person
        }
    }

    /// Faults that are answered before the site does anything. `isDelivery`: the request would store check-ins.
    func atOnce(
        _ fault: ERPNextFault, _ request: SiteRequest, _ style: ReplyStyle, isDelivery: Bool
    ) -> Plan? {
        if let error = error(of: fault) { return .reply(style.reply(error)) }
        if isDelivery, fault.stores { return nil }
        switch fault {
        case .hang: return .hang
        case .closed: return .close
        // What is held is not looked at before the site wakes.
        case .frozen: return .hold(Work { $0.answer(request) })
        case .databaseGone: return .reply(.gunicornPage)
        case .badGateway: return .reply(.proxyPage(502, host: request.host))
        case .gatewayTimeout: return .reply(.proxyPage(504, host: request.host))
        case .proxyPage(let status, _): return .reply(.proxyPage(status, host: request.host))
        case .unknownSite: return .reply(.html(404, "<h1>\(request.host) does not exist</h1>"))
        case .redirect(let location): return .reply(Self.redirect(301, location))
        case .redirected(let status, let location): return .reply(Self.redirect(status, location))
        case .redirectToHTTPS:
            return .reply(
                Self.redirect(301, "https://\(request.host)/\(request.path.replacing(" ", with: "%20"))"))
        case .page: return .reply(.loginPage)
        case .longPage(let bytes): return .reply(.html(200, String(repeating: "<p>", count: bytes / 3)))
        case .oddStatus(let status): return .reply(FrappeReply(status: status))
        case .withoutDocument: return .reply(.json(["message": .null]))
        case .deepJSON(let depth):
            let brackets = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            return .reply(FrappeReply(status: 200, body: Array(#"{"message":\#(brackets)}"#.utf8)))
        default: return nil
        }
    }

    private func error(of fault: ERPNextFault) -> SiteError? {
        switch fault {
        case .refused(let type, let message): .shown(417, type, .untranslated(message))
        case .unauthorized: .authentication
        case .badToken: .shown(400, "InvalidAuthorizationToken", .badToken)
        case .csrf: .csrf
        case .sessionExpired: .sessionExpired
        case .forbidden: .insufficient("Employee Checkin", "create")
        case .userPermission: .linkedRecord("Employee Checkin", employee: "HR-EMP-00001")
        case .nameTaken: .nameTaken("EMP-CKIN-01-2026-000001")
        case .rateLimited(let seconds?): .siteLimit(reset: seconds, limit: 600_000_000)
        case .rateLimited(nil): .methodLimit
        case .serverError(let type, let message): .raised(500, type, message)
        case .lockTimeout:
            .raised(
                500, "QueryTimeoutError", module: "frappe.exceptions",
                "(1205, 'Lock wait timeout exceeded; try restarting transaction')")
        case .deadlock:
            .raised(
                500, "QueryDeadlockError", module: "frappe.exceptions",
                "(1213, 'Deadlock found when trying to get lock; try restarting transaction')")
        case .maintenance: .sessionStopped
        case .readOnly:
            .shown(
                503, "InReadOnlyMode",
                .untranslated("Site is running in read only mode for maintenance or site update."))
        default: nil
        }
    }

    private static func redirect(_ status: Int, _ location: String) -> FrappeReply {
        .html(
            status,
            "<html>\r\n<head><title>\(status) Moved</title></head>\r\n<body>\r\n<center><h1>\(status) Moved</h1>"
                + "</center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
            source: .nginx
        ).adding("Location", location)
    }
}

extension ERPNextFault {
    /// What becomes of the site's answer on its way to the client. Nil: the connection is closed.
    func veil(_ reply: FrappeReply, host: String) -> FrappeReply? {
        switch self {
        case .badGateway: return .proxyPage(502, host: host)
        case .gatewayTimeout: return .proxyPage(504, host: host)
        case .proxyPage(let status, _): return .proxyPage(status, host: host)
        case .closed: return nil
        case .cutOff:
            var cut = reply
            cut.claimedLength = reply.body.count
            cut.body = Array(reply.body.prefix(reply.body.count / 2))
            return cut
        case .brokenJSON:
            var cut = reply
            cut.body = Array(reply.body.prefix(reply.body.count / 2))
            return cut
        case .hugeJSON(let bytes, _):
            var huge = reply
            let padding = #"{"_padding":""# + String(repeating: "x", count: bytes) + #"","#
            huge.body = Array(padding.utf8) + reply.body.dropFirst()
            return huge
        case .invalidUTF8:
            var broken = reply
            let mark = Array(#"":""#.utf8)
            if let start = broken.body.indices.first(where: { broken.body[$0...].starts(with: mark) }) {
                broken.body.insert(contentsOf: [0xFF, 0xC3, 0x28, 0xFE], at: start + mark.count)
            }
            return broken
        default: return reply
        }
    }
}
