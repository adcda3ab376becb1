import AttendanceCore
import AttendanceStore
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// Why a request was not answered as it was asked: `application/problem+json` (RFC 9457).
package struct APIProblem: Error, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case malformed
        case unauthenticated
        case forbidden
        case formToken = "form-token"
        case notFound = "not-found"
        case methodNotAllowed = "method-not-allowed"
        case conflict
        case underWay = "under-way"
        case notKept = "answer-not-kept"
        case changed
        case tooLarge = "too-large"
        case mediaType = "media-type"
        case invalid
        case keyUsed = "key-used"
        case tooMany = "too-many-requests"
        case failed
        case unavailable

        package var status: HTTPResponse.Status {
            switch self {
            case .malformed: .badRequest
            case .unauthenticated: .unauthorized
            case .forbidden, .formToken: .forbidden
            case .notFound: .notFound
            case .methodNotAllowed: .methodNotAllowed
            case .conflict, .underWay, .notKept: .conflict
            case .changed: .preconditionFailed
            case .tooLarge: .contentTooLarge
            case .mediaType: .unsupportedMediaType
            case .invalid, .keyUsed: .unprocessableContent
            case .tooMany: .tooManyRequests
            case .failed: .internalServerError
            case .unavailable: .serviceUnavailable
            }
        }

        var title: String {
            switch self {
            case .malformed: "The request cannot be read"
            case .unauthenticated: "Nobody is known by this request"
            case .forbidden: "The right for this is missing"
            case .formToken: "The session's form token is missing"
            case .notFound: "There is no such thing"
            case .methodNotAllowed: "This method is not for this path"
            case .conflict: "It cannot be done as things stand"
            case .underWay: "The same request is being carried out"
            case .notKept: "The request was carried out before"
            case .changed: "It was changed meanwhile"
            case .tooLarge: "The body is too large"
            case .mediaType: "The body must be JSON"
            case .invalid: "Something in the request does not fit"
            case .keyUsed: "The idempotency key was used for another request"
            case .tooMany: "Too many requests"
            case .failed: "The gateway failed"
            case .unavailable: "The gateway cannot do this at the moment"
            }
        }

        /// RFC 8141; names the kind for programs.
        var uri: String { "urn:attendance-gateway:problem:\(rawValue)" }
    }

    /// What of the request is meant: a place in the body, or a parameter.
    package struct Fault: Codable, Hashable, Sendable {
        /// JSON Pointer into the body.
        package var pointer: String?
        /// Name of a parameter of the path or query, or of a header.
        package var parameter: String?
        package var detail: String
    }

    package var kind: Kind
    package var detail: String
    package var errors: [Fault] = []
    package var retryAfter: Int64?
    /// For 405.
    package var allow: [String] = []

    package init(_ kind: Kind, _ detail: String, errors: [Fault] = [], retryAfter: Int64? = nil) {
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.retryAfter = retryAfter
    }

    static func parameter(_ name: String, _ detail: String) -> APIProblem {
        APIProblem(
            .invalid, "\(name) \(detail)", errors: [Fault(parameter: name, detail: detail)])
    }

    static func field(_ pointer: String, _ detail: String) -> APIProblem {
        APIProblem(.invalid, "\(pointer) \(detail)", errors: [Fault(pointer: pointer, detail: detail)])
    }

    static let notFound = APIProblem(.notFound, "nothing within your reach has this name or number")
}

/// As it goes out.
package struct ProblemAnswer: Documented {
    package var type: String
    package var title: String
    package var status: Int
    package var detail: String
    package var instance: String
    package var errors: [APIProblem.Fault]?

    package static let schema = Schema.named(
        "Problem",
        .object([
            .init("type", .text(.init(0...200, format: "uri")), "Names the kind for programs."),
            .init("title", .anyText, "Names the kind for people."),
            .init("status", .integer(400...599)),
            .init("detail", .anyText, "What happened here, in English."),
            .init("instance", .anyText, "The path that was asked for."),
            .optional(
                "errors",
                .list(
                    .object([
                        .optional("pointer", .anyText, "JSON Pointer into the body."),
                        .optional("parameter", .anyText, "Of the path or query, or a header."),
                        .init("detail", .anyText),
                    ])), "What of the request is meant."),
        ]))

    package static let samples = [
        ProblemAnswer(
            type: APIProblem.Kind.invalid.uri, title: APIProblem.Kind.invalid.title, status: 422,
            detail: "limit must lie between 1 and 500", instance: "/api/v1/punches",
            errors: [.init(parameter: "limit", detail: "must lie between 1 and 500")])
    ]
}

extension APIProblem {
    /// What any error is to the one who asked; nil for what is not theirs to know.
    init?(of error: any Error) {
        switch error {
        case let problem as APIProblem: self = problem
        case is NIOTooManyBytesError: self.init(.tooLarge, "the body is larger than this endpoint takes")
        case let error as any HTTPResponseError: self.init(status: error.status)
        case let error as AccountRefusal: self.init(of: error)
        case let error as any RefusedOrder: self.init(.invalid, error.localizedDescription)
        case let error as CommandError: self.init(.invalid, error.localizedDescription)
        case let error as VaultError: self.init(.unavailable, error.localizedDescription)
        case let error as StoreError:
            switch error {
            case .full, .io, .overloaded, .closed:
                self.init(.unavailable, error.localizedDescription, retryAfter: 5)
            default: return nil
            }
        default: return nil
        }
    }

    private init(of refusal: AccountRefusal) {
        let errors = refusal.field.map { field in
            [Fault(pointer: "/\(Self.name(of: field))", detail: refusal.localizedDescription)]
        }
        let text = refusal.localizedDescription
        switch refusal.reason {
        case .unknownAccount: self = .notFound
        case .nameTaken, .lastAdministrator, .tooMany: self.init(.conflict, text, errors: errors ?? [])
        case .throttled(let wait): self.init(.tooMany, text, retryAfter: max(1, wait.wholeSeconds))
        case .busy: self.init(.unavailable, text, retryAfter: 5)
        default: self.init(.invalid, text, errors: errors ?? [])
        }
    }

    private static func name(of field: AccountRefusal.Field) -> String {
        switch field {
        case .oldPassword: "old_password"
        case .setupToken: "setup_token"
        case .reach: "groups"
        default: field.rawValue
        }
    }

    private init(status: HTTPResponse.Status) {
        switch status.code {
        case 404:
            self.init(.notFound, "there is no such path; /api/v1/openapi.json names those that there are")
        case 405: self.init(.methodNotAllowed, "this path does not take this method")
        case 413: self.init(.tooLarge, "the body is larger than this endpoint takes")
        case 415: self.init(.mediaType, "send the body as application/json")
        case 422: self.init(.invalid, "the request does not fit")
        case 400..<500: self.init(.malformed, "the request cannot be read")
        case 503: self.init(.unavailable, "try again in a while", retryAfter: 5)
        default: self.init(.failed, "the gateway's log tells more")
        }
    }

    func response(at path: String) -> Response {
        var headers = HTTPFields()
        headers[.contentType] = "application/problem+json"
        headers[.cacheControl] = "no-store"
        if kind == .unauthenticated { headers[.wwwAuthenticate] = "Bearer realm=\"attendance-gateway\"" }
        if let retryAfter { headers[.retryAfter] = "\(retryAfter)" }
        if !allow.isEmpty { headers[.allow] = allow.joined(separator: ", ") }
        let answer = ProblemAnswer(
            type: kind.uri, title: kind.title, status: kind.status.code, detail: detail,
            instance: PlainText.line(path, limit: 300), errors: errors.isEmpty ? nil : errors)
        // Texts and numbers have no way to fail.
        let body = (try? JSONAnswer.encode(answer)) ?? Data()
        return Response(
            status: kind.status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }
}

/// Turns whatever goes wrong behind it into a problem: no path under the API ever answers otherwise.
struct APIProblems: RouterMiddleware {
    typealias Context = ConsoleContext

    let api: API

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch is CancellationError {
            throw CancellationError()
        } catch let error as HTTPError where error.status == .notFound {
            var problem = APIProblem(of: error) ?? .notFound
            let methods = API.methods(at: request.uri.path)
            if !methods.isEmpty {
                problem = APIProblem(
                    .methodNotAllowed, "this path takes \(methods.joined(separator: ", "))")
                problem.allow = methods
            }
            return problem.response(at: request.uri.path)
        } catch {
            if let problem = APIProblem(of: error) { return problem.response(at: request.uri.path) }
            api.logger.error(
                "a call of the API failed",
                metadata: ["path": "\(request.uri.path)", "error": "\(error.localizedDescription)"])
            return APIProblem(.failed, "the gateway's log tells more").response(at: request.uri.path)
        }
    }
}
