/// Who may connect to one listener as a terminal. Every rule that is set must hold; a rule that is not set asks
/// nothing.
///
/// Real terminals can send no header and often no path of their own, so for them there are serials and networks; the
/// token is for clients that can. Source: docs/protocol.md §3.2, §9.17.
package struct AdmissionRules: Hashable, Sendable {
    /// Wanted as `Authorization: Bearer …`; nil asks for none.
    package var token: String?
    /// Source networks; empty allows any address.
    package var networks: [NetworkRange]
    /// Serials that may register and send; empty allows any.
    package var serials: Set<SerialNumber>
    /// The only path that upgrades, with its leading slash; nil allows any.
    package var secretPath: String?

    package init(
        token: String? = nil, networks: [NetworkRange] = [], serials: Set<SerialNumber> = [],
        secretPath: String? = nil
    ) {
        self.token = token
        self.networks = networks
        self.serials = serials
        self.secretPath = secretPath
    }

    /// Whether anything at all is asked of a peer.
    package var isOpen: Bool { token == nil && networks.isEmpty && serials.isEmpty && secretPath == nil }

    package enum Verdict: Hashable, Sendable {
        case admitted
        /// Why not, in words that give nothing away to the peer and say what to look at in the log.
        case refused(Refusal)
    }

    package enum Refusal: String, Hashable, Sendable, CaseIterable {
        case address = "source address is in none of the allowed networks"
        case path = "path is not the secret path"
        case token = "no or wrong bearer token"
        case malformed = "not a well-formed WebSocket handshake"
        case limit = "too many connections"

        /// How the gate before the upgrade tells the router: this header, the status first in its value. The gate takes
        /// it from every client request, so nobody can forge it.
        package static let header = "x-gateway-refusal"

        /// The HTTP status of the refusal. A wrong path looks like any unknown path.
        package var status: Int {
            switch self {
            case .address: 403
            case .path: 404
            case .token: 401
            case .malformed: 400
            case .limit: 503
            }
        }
    }

    /// Decides on a handshake, before the upgrade. `path` without its query.
    package func admit(address: String?, path: String, authorization: [String]) -> Verdict {
        if !networks.isEmpty {
            guard let address, networks.contains(where: { $0.contains(address) }) else {
                return .refused(.address)
            }
        }
        if let secretPath, !ConstantTime.equal(secretPath, path) { return .refused(.path) }
        if let token {
            // RFC 6750: one header, the scheme in any letter case, one or more blanks, the token.
            guard authorization.count == 1, let header = authorization.first,
                let blank = header.firstIndex(of: " "), header[..<blank].lowercased() == "bearer",
                ConstantTime.equal(String(header[blank...].drop { $0 == " " }), token)
            else { return .refused(.token) }
        }
        return .admitted
    }

    /// Decides on the serial a peer gives at `reg` or in a message.
    package func admits(_ serial: SerialNumber?) -> Bool {
        if serials.isEmpty { return true }
        guard let serial else { return false }
        return serials.contains(serial)
    }
}
