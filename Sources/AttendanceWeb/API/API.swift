import AttendanceCore
import AttendanceStore
import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import Logging

/// The REST API: everything that the console and the command line do, for programs.
package struct API: Sendable {
    package static let root = "/api/v1"
    /// Brings the form token of a session; not needed with a token of the API.
    static let formTokenHeader = "X-Form-Token"
    static let keyHeader = "Idempotency-Key"
    static let replayedHeader = "Idempotency-Replayed"

    let operations: Operations
    let accounts: Accounts
    let live: LiveHub
    let logger: Logger
    let rates = APIRates()
    let reach: ReachBook
    let uptime: @Sendable () -> Duration
    /// Requests that were under way before have been cut off.
    let started: UnixTime

    package init(
        operations: Operations, accounts: Accounts, live: LiveHub, logger: Logger,
        uptime: @escaping @Sendable () -> Duration = Accounts.Surroundings.monotonic
    ) {
        self.operations = operations
        self.accounts = accounts
        self.live = live
        self.logger = logger
        self.uptime = uptime
        reach = ReachBook(store: operations.store, place: operations.place, uptime: uptime)
        started = operations.now()
    }

    var store: any Store { operations.store }

    /// Every call there is.
    package static let endpoints: [Endpoint] = {
        let parts: [[Endpoint]] = [
            systemEndpoints, punchEndpoints, terminalEndpoints, commandEndpoints, pullEndpoints,
            personEndpoints, employeeEndpoints, deliveryEndpoints, alertEndpoints, accountEndpoints,
            codeEndpoints,
        ]
        return Array(parts.joined())
    }()

    // MARK: Routes

    package func responder() -> RouterResponder<ConsoleContext> {
        let router = Router(context: ConsoleContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: APIProblems(api: self))
        router.add(middleware: APIVisitor(api: self))
        for endpoint in Self.endpoints {
            router.on(RouterPath(endpoint.fullPath), method: endpoint.method) { request, context in
                try await answer(endpoint, request, context)
            }
        }
        return router.buildResponder()
    }

    /// Methods that a path takes; none for one that there is not.
    static func methods(at path: String) -> [String] {
        let parts = path.split(separator: "/")
        let here = endpoints.filter { endpoint in
            let wanted = endpoint.fullPath.split(separator: "/")
            return wanted.count == parts.count
                && zip(wanted, parts).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
        }
        // Of a path that stands there as it is, what matches it as a place for a number counts no more.
        let exact = here.filter { $0.fullPath.split(separator: "/") == parts }
        let methods = Set((exact.isEmpty ? here : exact).map(\.method.rawValue))
        return (methods.contains("GET") ? methods.union(["HEAD"]) : methods).sorted()
    }

    // MARK: One call

    private func answer(_ endpoint: Endpoint, _ request: Request, _ context: ConsoleContext) async throws
        -> Response
    {
        try await admit(endpoint, request, context)
        let call = try await APICall(endpoint, request, context: context) {
            // What cannot be looked up counts as gone.
            guard let now = try? await principal(of: request) else { return false }
            return now.key == context.principal?.key && now.reach == context.principal?.reach
                && endpoint.scope.map(now.may) ?? true
        }
        guard endpoint.isUnsafe, let key = call.text(Self.keyHeader), let principal = context.principal else {
            return try await carryOut(endpoint, call, request).response
        }
        return try await once(endpoint, call, request, key: key, asker: principal)
    }

    private func admit(_ endpoint: Endpoint, _ request: Request, _ context: ConsoleContext) async throws {
        guard let scope = endpoint.scope else { return }
        guard let principal = context.principal else {
            throw APIProblem(.unauthenticated, "send a token: Authorization: Bearer agw_…")
        }
        let what = "\(request.method.rawValue) \(request.uri.path)"
        guard principal.may(scope) else {
            await accounts.noteRefused(principal, scope: scope, what: what)
            throw APIProblem(.forbidden, "this needs the right \(scope.rawValue)")
        }
        if endpoint.traits.contains(.whole), principal.reach != nil {
            await accounts.noteRefused(principal, scope: scope, what: what)
            throw APIProblem(
                .forbidden, "this is not for somebody who is limited to \(principal.reach.words)")
        }
        // A browser sends its cookie by itself; the token only a page of ours can know.
        if endpoint.isUnsafe, principal.kind == .session,
            !principal.accepts(csrfToken: request.headers[.named(Self.formTokenHeader)])
        {
            throw APIProblem(
                .formToken, "a session sends its form token in \(Self.formTokenHeader); GET /me tells it")
        }
    }

    private func carryOut(_ endpoint: Endpoint, _ call: APICall, _ request: Request) async throws
        -> (response: Response, body: Data?)
    {
        let answer = try await endpoint.run(self, call)
        for topic in endpoint.touches { live.changed(topic) }
        if let stream = answer.stream { return (stream, nil) }
        var headers = HTTPFields()
        headers[.cacheControl] = "no-store"
        if let next = answer.next { headers[.link] = Self.link(to: next, of: request) }
        guard let body = answer.body else {
            return (Response(status: endpoint.status, headers: headers), Data())
        }
        headers[.contentType] = "application/json"
        if endpoint.traits.contains(.tagged) {
            let digest = Data(SHA256.hash(data: body).prefix(12)).base64URL
            let tag = "\"" + (answer.revision.map { "\($0)-\(digest)" } ?? digest) + "\""
            headers[.eTag] = tag
            headers[.cacheControl] = "private, no-cache"
            if Self.has(tag, request.headers[.ifNoneMatch]) {
                headers[.contentType] = nil
                return (Response(status: .notModified, headers: headers), nil)
            }
        }
        let response = Response(
            status: endpoint.status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: body)))
        return (response, body)
    }

    private static func has(_ tag: String, _ header: String?) -> Bool {
        guard let header else { return false }
        return header.split(separator: ",").contains {
            let one = $0.trimmingBlanks()
            return one == tag || one == "W/\(tag)" || one == "*"
        }
    }

    /// RFC 8288: the same search from the cursor on.
    private static func link(to cursor: String, of request: Request) -> String {
        let others = (request.uri.query ?? "").split(separator: "&").filter { !$0.hasPrefix("cursor=") }
        let query = (others.map(String.init) + ["cursor=\(cursor)"]).joined(separator: "&")
        return "<\(request.uri.path)?\(query)>; rel=\"next\""
    }

    // MARK: Once and no more

    /// Carries a request out, unless the same one was before: then its answer comes again.
    private func once(
        _ endpoint: Endpoint, _ call: APICall, _ request: Request, key: String, asker: Principal
    ) async throws -> Response {
        let what = "\(request.method.rawValue) \(request.uri.string)\n"
        guard let hash = TokenDigest(Array(SHA256.hash(data: Data(what.utf8) + call.bodyBytes))) else {
            throw APIProblem(.failed, "no digest could be made")
        }
        let claim = IdempotentRequest(asker: asker.key, key: key, hash: hash)
        switch try await store.beginRequest(claim, at: operations.now()) {
        case .claimed: break
        case .otherRequest:
            throw APIProblem(
                .keyUsed,
                "use another \(Self.keyHeader): this one belongs to a request with another path or body",
                errors: [.init(parameter: Self.keyHeader, detail: "was used for another request")])
        case .underWay(let since):
            throw APIProblem(
                .underWay,
                since < started
                    ? "it was begun at \(since.iso8601) and cut off by a restart: look whether it was carried out, and use another key"
                    : "it was begun at \(since.iso8601) and has not ended", retryAfter: 2)
        case .answered(let answer): return try replay(answer, of: endpoint)
        }
        let (response, body): (Response, Data?)
        do {
            (response, body) = try await carryOut(endpoint, call, request)
        } catch {
            // Nothing was kept, so that the same may be tried again.
            try await store.settleRequest(claim, nil)
            throw error
        }
        let isKept = !endpoint.traits.contains(.secret)
        try await store.settleRequest(
            claim,
            IdempotentAnswer(
                status: response.status.code, contentType: response.headers[.contentType] ?? "",
                body: isKept ? body.map(Array.init) : nil))
        return response
    }

    private func replay(_ answer: IdempotentAnswer, of endpoint: Endpoint) throws -> Response {
        guard let body = answer.body else {
            throw APIProblem(
                .notKept,
                "it was carried out with \(answer.status); its answer is not kept, since it shows a secret or is very long"
            )
        }
        var headers = HTTPFields()
        headers[.cacheControl] = "no-store"
        headers[.named(Self.replayedHeader)] = "true"
        if !answer.contentType.isEmpty { headers[.contentType] = answer.contentType }
        return Response(
            status: .init(code: answer.status), headers: headers,
            body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }
}

extension HTTPField.Name {
    static let link = named("Link")
}
