import AttendanceCore
import AttendanceDelivery
import Foundation

/// Name, connection and certificate of an address, one after the other.
struct AddressChecks: Sendable {
    let title: String
    let probe: AddressProbe?
    let certificateDays: Int?
    let now: @Sendable () -> UnixTime
    private let chain = Chain()

    init(title: String, url: URL, certificateDays: Int?, now: @escaping @Sendable () -> UnixTime) {
        self.title = title
        self.certificateDays = certificateDays
        self.now = now
        probe = AddressProbe(url)
    }

    var all: [DoctorCheck] {
        [
            chain.step("\(title) name") { await name() },
            chain.step("\(title) connection") { await connection() },
            chain.step("\(title) certificate") { await certificate() },
        ]
    }

    /// Why the rest is no use; nil as long as all is well.
    var blocked: String? { get async { await chain.blocked } }

    func block(_ why: String) async { await chain.block(why) }

    private func name() async -> [CheckResult] {
        guard let probe else {
            await chain.block("the address is no http or https address")
            return [
                .failure(
                    "\(title) name", "the address is no http or https address", "set URL to https://host")
            ]
        }
        switch await probe.addresses() {
        case .success(let addresses):
            return [.ok("\(title) name", "\(probe.host) is \(Spoken.some(addresses))")]
        case .failure(let failure):
            await chain.block("the name is not resolved")
            return [
                .failure(
                    "\(title) name", failure.reason,
                    "look for a slip in URL, and at this machine's name servers (/etc/resolv.conf)")
            ]
        }
    }

    private func connection() async -> [CheckResult] {
        guard let probe else { return [] }
        switch await probe.connect() {
        case .success(let address):
            return [.ok("\(title) connection", "\(address) port \(probe.port) takes connections")]
        case .failure(let failure):
            await chain.block("there is no connection")
            return [
                .failure(
                    "\(title) connection", "\(probe.host) port \(probe.port): \(failure.reason)",
                    "look at the port in URL, whether the server runs, and at firewalls in between")
            ]
        }
    }

    private func certificate() async -> [CheckResult] {
        guard let probe else { return [] }
        let title = "\(title) certificate"
        guard probe.isEncrypted else {
            let isLocal = NetworkAddress(probe.host)?.isLoopback ?? (probe.host == "localhost")
            return [
                isLocal
                    ? .skipped(title, "http, on this machine")
                    : .warning(
                        title, "http: keys and punches travel readable for everybody in between",
                        "use https:// in URL")
            ]
        }
        switch await probe.certificate(now: now()) {
        case .success(let certificate): return [await judge(certificate, title, probe)]
        case .failure(let failure):
            await chain.block("there is no TLS connection")
            return [
                .failure(
                    title, failure.reason, "look whether the port speaks https at all (http:// otherwise)")
            ]
        }
    }

    private func judge(
        _ certificate: AddressProbe.Certificate, _ title: String, _ probe: AddressProbe
    ) async -> CheckResult {
        let until = Self.day(certificate.notAfter)
        let names = certificate.names.isEmpty ? "no name" : Spoken.some(certificate.names)
        if let trouble = certificate.trouble {
            await chain.block("its certificate is not accepted")
            return switch trouble {
            case .expired:
                .failure(title, "it ended on \(until) (for \(names))", "renew it on the server")
            case .notYetValid:
                .failure(
                    title, "it is valid from \(Self.day(certificate.notBefore)) only",
                    "look at the clock of this machine, and at the certificate on the server")
            case .otherName:
                .failure(
                    title, "it is made out to \(names), not to \(probe.host)",
                    "use one of these names in URL, or get a certificate for \(probe.host)")
            case .untrusted(let words):
                .failure(
                    title,
                    "nobody this machine trusts has signed it (for \(names), until \(until); \(words))",
                    "send the whole chain from the server, or install its authority on this machine "
                        + "(update-ca-certificates)")
            }
        }
        let left = certificate.notAfter - now()
        let seen = "valid until \(until) (\(Spoken.duration(left)) left), for \(names)"
        if left < .seconds(86_400 * Int64(certificateDays ?? 14)) {
            return .warning(title, seen, "renew it on the server before that day")
        }
        return .ok(title, seen)
    }

    private static func day(_ time: UnixTime) -> String {
        String(WallTime(seconds: time.seconds).description.prefix(10))
    }
}

/// Checks of which each needs those before it: after one that makes them useless, the rest says so.
actor Chain {
    private(set) var blocked: String?

    func block(_ why: String) { blocked = blocked ?? why }

    nonisolated func step(
        _ title: String, limit: Duration = .seconds(10), late: CheckResult.Outcome = .failure,
        _ look: @escaping @Sendable () async -> [CheckResult]
    ) -> DoctorCheck {
        DoctorCheck(
            title: title, limit: limit,
            look: {
                if let why = await self.blocked { return [.skipped(title, why)] }
                return await look()
            },
            late: late,
            gaveUp: { if late == .failure { await self.block("\(title) did not end in time") } })
    }
}
