import AttendanceCore
import Foundation

/// Templates, photos, cards and PINs that no person has, in the forms that terminals take.
///
/// Equal seeds, equal records. Source: docs/protocol.md §6.1, §8.1.
package enum SimulatedCredential {
    /// A fingerprint template: lower-case hex with `(n)` for n zero bytes. Its first bytes tell the algorithm, as far as
    /// simulated terminals care.
    package static func finger(
        seed: UInt64, algorithm: FingerAlgorithm = .thbio3, length: Int = 200
    ) -> String {
        var generator = SeededGenerator(seed: seed)
        var text = mark(of: algorithm) + "(4)"
        while text.utf8.count < min(max(32, length), algorithm.templateLimit - 20) {
            let digits = String(generator.next(), radix: 16)
            text += String(repeating: "0", count: 16 - digits.utf8.count) + digits
        }
        return text
    }

    private static func mark(of algorithm: FingerAlgorithm) -> String {
        algorithm == .thbio1 ? "c51a10" : "d33c30"
    }

    /// Which sensors can match a simulated template; nil for one that was not made here.
    package static func algorithm(of template: String) -> FingerAlgorithm? {
        [.thbio1, .thbio3].first { template.hasPrefix(mark(of: $0)) }
    }

    /// A photo in base64: the markers of a JPEG of that size, and `bytes` of noise. No decoder will show it.
    package static func photo(seed: UInt64, width: Int = 480, height: Int = 640, bytes: Int = 300) -> String {
        var generator = SeededGenerator(seed: seed)
        var data: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0, 0, 16]
        data += Array("JFIF".utf8) + [0, 1, 1, 0, 0, 1, 0, 1, 0, 0]
        data += [0xFF, 0xC0, 0, 11, 8]
        data += [UInt8(height >> 8 & 0xFF), UInt8(height & 0xFF)]
        data += [UInt8(width >> 8 & 0xFF), UInt8(width & 0xFF), 1, 1, 0x11, 0]
        data += [0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0]
        while data.count < bytes - 2 { data.append(UInt8(truncatingIfNeeded: generator.next()) & 0x7F) }
        data += [0xFF, 0xD9]
        return Data(data).base64EncodedString()
    }

    package static func card(seed: UInt64) -> String {
        var generator = SeededGenerator(seed: seed)
        return String(UInt32(truncatingIfNeeded: generator.next()) | 1)
    }

    /// Eight digits, the first not 0.
    package static func pin(seed: UInt64) -> String {
        var generator = SeededGenerator(seed: seed)
        return String(generator.next() % 90_000_000 + 10_000_000)
    }

    /// Something that fits the slot.
    package static func record(slot: Int, seed: UInt64, algorithm: FingerAlgorithm) -> String {
        switch CredentialKind(slot: slot) {
        case .password: pin(seed: seed)
        case .card: card(seed: seed)
        case .photo: photo(seed: seed)
        case .faceTemplate, .faceFeature:
            Data(finger(seed: seed).utf8).base64EncodedString()
        default: finger(seed: seed, algorithm: algorithm)
        }
    }

    /// Width and height of a JPEG, from the first frame header; nil where there is none.
    static func size(ofJPEG data: Data) -> (width: Int, height: Int)? {
        let bytes = [UInt8](data)
        var index = 2
        while index + 8 < bytes.count, bytes[index] == 0xFF {
            let marker = bytes[index + 1]
            if (0xC0...0xCF).contains(marker), ![0xC4, 0xC8, 0xCC].contains(marker) {
                return (
                    Int(bytes[index + 7]) << 8 | Int(bytes[index + 8]),
                    Int(bytes[index + 5]) << 8 | Int(bytes[index + 6])
                )
            }
            index += 2 + (Int(bytes[index + 2]) << 8 | Int(bytes[index + 3]))
        }
        return nil
    }
}
