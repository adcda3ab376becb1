import Foundation

/// A token or key that must not be shown: printing, interpolating, logging or dumping it gives `redacted`.
package struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    private let text: String

    package init(_ text: String) { self.text = text }

    /// The text itself, for the one place that sends or compares it.
    package func reveal() -> String { text }

    package var description: String { "redacted" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// An `http` or `https` address whose path or query may be the secret, as chat services hand them out: all that is
/// shown of it is scheme, host and port.
package struct SecretURL: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    private let url: URL

    package init(_ url: URL) { self.url = url }

    /// The whole address, for the one place that sends to it.
    package func reveal() -> URL { url }

    package var isEncrypted: Bool { url.scheme?.lowercased() == "https" }
    package var host: String? { url.host() }

    /// `https://hooks.example.com/…`
    package var description: String {
        "\(url.scheme ?? "")://\(url.host() ?? "")\(url.port.map { ":\($0)" } ?? "")/…"
    }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
