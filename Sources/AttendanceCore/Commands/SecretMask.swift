/// Takes out of a text what a command's secrets say: terminals repeat in a refusal what they were sent.
///
/// Hidden is any secret of three letters or more, and of a longer one every piece of eight bytes, since the text may have
/// been cut.
package struct SecretMask: Sendable {
    private static let shortest = 3
    private static let piece = 8
    private static let mark = "[hidden]"

    private let secrets: [String]

    /// `request` with its secrets.
    package init(_ request: CommandRequest) {
        secrets = request.splittingSecrets().secrets.values.flatMap(\.texts).filter {
            $0.utf8.count >= Self.shortest
        }
    }

    package func masked(_ text: String) -> String {
        if secrets.isEmpty { return text }
        let bytes = Array(text.utf8)
        var isHidden = [Bool](repeating: false, count: bytes.count)
        let pieces = Self.pieces(of: bytes)
        for secret in secrets {
            if secret.utf8.count < Self.piece {
                Self.hide(Array(secret.utf8), in: bytes, &isHidden)
            } else {
                Self.hidePieces(of: secret, pieces, &isHidden)
            }
        }
        guard isHidden.contains(true) else { return text }
        var shown: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            if !isHidden[index] {
                shown.append(byte)
            } else if index == 0 || !isHidden[index - 1] {
                shown += Array(Self.mark.utf8)
            }
        }
        return String(decoding: shown, as: UTF8.self)
    }

    /// Where each piece of eight bytes begins, by the bytes themselves.
    private static func pieces(of bytes: [UInt8]) -> [UInt64: [Int]] {
        var pieces: [UInt64: [Int]] = [:]
        var last: UInt64 = 0
        for (index, byte) in bytes.enumerated() {
            last = last << 8 | UInt64(byte)
            if index >= piece - 1 { pieces[last, default: []].append(index - piece + 1) }
        }
        return pieces
    }

    /// A secret may be a photo of a megabyte: once through it, whatever the text is.
    private static func hidePieces(
        of secret: String, _ pieces: [UInt64: [Int]], _ isHidden: inout [Bool]
    ) {
        var last: UInt64 = 0
        for (index, byte) in secret.utf8.enumerated() {
            last = last << 8 | UInt64(byte)
            guard index >= piece - 1, let places = pieces[last] else { continue }
            for place in places {
                for position in place..<place + piece { isHidden[position] = true }
            }
        }
    }

    private static func hide(_ secret: [UInt8], in bytes: [UInt8], _ isHidden: inout [Bool]) {
        guard bytes.count >= secret.count else { return }
        for start in 0...bytes.count - secret.count
        where bytes[start..<start + secret.count].elementsEqual(secret) {
            for position in start..<start + secret.count { isHidden[position] = true }
        }
    }
}

extension JSONValue {
    /// Every text and number in it, at any depth.
    fileprivate var texts: [String] {
        switch self {
        case .object(let fields): fields.values.flatMap(\.texts)
        case .list(let values): values.flatMap(\.texts)
        default: plainText.map { [$0] } ?? []
        }
    }
}
