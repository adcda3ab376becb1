import Foundation

/// Time-based one-time codes, RFC 6238: six digits from a shared secret and half minutes, by HMAC-SHA1, as every
/// authenticator program makes them. The HMAC comes in, so that this stays free of cryptography.
package enum OneTimeCode {
    package static let digits = 6
    /// In bytes: as long as the hash (RFC 4226 §4).
    package static let secretLength = 20
    private static let stepSeconds: Int64 = 30
    /// How many half minutes a clock may be off, either way.
    private static let tolerance: Int64 = 1

    /// HMAC-SHA1 of a message by the secret: 20 bytes.
    package typealias MAC = ([UInt8]) -> [UInt8]

    /// The half minute since 1970 that a moment lies in.
    package static func step(at now: UnixTime) -> Int64 { now.seconds.flooredDivision(by: stepSeconds) }

    /// The code of one half minute.
    package static func code(of step: Int64, by mac: MAC) -> String {
        let hash = mac(withUnsafeBytes(of: step.bigEndian) { Array($0) })
        guard let last = hash.last, hash.count >= 20 else { return "" }
        let start = Int(last & 0x0F)
        let number = hash[start..<start + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
        let text = String(number % 1_000_000)
        return String(repeating: "0", count: digits - text.count) + text
    }

    /// The half minute whose code this is, blanks in it left out; nil when it is wrong, or not later than `used`: a code
    /// works once, and so does any older one. Looks at every half minute, whichever is the right one.
    package static func matchingStep(_ code: String, at now: UnixTime, after used: Int64?, by mac: MAC)
        -> Int64?
    {
        guard code.utf8.count <= 32 else { return nil }
        let wanted = code.filter { !$0.isWhitespace }
        guard wanted.utf8.count == digits, wanted.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        let present = step(at: now)
        var found: Int64?
        for step in (present - tolerance)...(present + tolerance)
        where ConstantTime.equal(Self.code(of: step, by: mac), wanted) && step > used ?? .min {
            found = step
        }
        return found
    }

    /// What a QR code shows to an authenticator program (the Key URI format).
    package static func uri(secret: [UInt8], account: AccountName, issuer: String) -> String {
        let allowed = CharacterSet(
            charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
        func escaped(_ text: String) -> String {
            text.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
        }
        let issuer = escaped(PlainText.line(issuer.replacing(":", with: " "), limit: 60))
        return "otpauth://totp/\(issuer):\(escaped(account.text))?secret=\(base32(secret))&issuer=\(issuer)"
            + "&algorithm=SHA1&digits=\(digits)&period=\(stepSeconds)"
    }

    /// RFC 4648 without padding, as authenticator programs take a secret that is typed.
    package static func base32(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)
        var text: [UInt8] = []
        var buffer: UInt32 = 0
        var bits = 0
        for byte in bytes {
            buffer = buffer << 8 | UInt32(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                text.append(alphabet[Int(buffer >> UInt32(bits) & 31)])
            }
        }
        if bits > 0 { text.append(alphabet[Int(buffer << UInt32(5 - bits) & 31)]) }
        return String(decoding: text, as: UTF8.self)
    }
}
