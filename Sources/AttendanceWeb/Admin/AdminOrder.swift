import Foundation
import Hummingbird
import Logging

/// How every order over the admin socket is read and answered.
enum AdminOrder {
    /// Reads a body of at most `limit` bytes, carries it out, and tells in so many words what was wrong with it.
    static func answer<Order: Decodable & Sendable, Answer: Encodable & Sendable>(
        _ request: Request, logger: Logger, upTo limit: Int = 1 << 20, _ body: (Order) async throws -> Answer
    ) async throws -> Response {
        let bytes = try await request.body.collect(upTo: limit)
        do {
            let order = try JSONAnswer.decode(Order.self, from: Data(buffer: bytes))
            return try JSONAnswer.response(try await body(order))
        } catch let error as DecodingError {
            return try JSONAnswer.problem(.badRequest, "the request could not be read: \(error)")
        } catch let error as any RefusedOrder {
            return try JSONAnswer.problem(.badRequest, error.localizedDescription)
        } catch {
            logger.error(
                "administrative request failed", metadata: ["error": "\(error.localizedDescription)"])
            return try JSONAnswer.problem(.internalServerError, error.localizedDescription)
        }
    }
}

/// An error that is the asker's, told as it stands.
package protocol RefusedOrder: LocalizedError {}

extension BadOrder: RefusedOrder {}
extension FilterError: RefusedOrder {}
extension CorrectionRefusal: RefusedOrder {}
