/// Which of the spellings of the command set a firmware understands. The raw values stand in the registry.
///
/// Terminals do not tell it: it is guessed from what they say of themselves at `reg`, and an operator can set it.
/// Differences: docs/protocol.md §6.1, §8.
package enum CommandDialect: String, Codable, CaseIterable, Hashable, Sendable {
    /// Fingerprint units: TFS20, TFS30, TH600, TH900.
    case tfs
    /// Face terminals on AiFace boards (`ai518`, `ai806`, `AiF43V`).
    case aiface
    /// "AiFace BS": about 80 commands, `time` and `enable` for `cloudtime` and `enflag`, `page` and `pagesize`.
    case aifaceBS = "aiface-bs"
    /// Readers of EVO and Topdata: `deleteuser` 12 is the whole user.
    case evo
    /// Nothing is known: both spellings are sent where there are two.
    case unknown

    /// A guess from `modelname` and `firmware` of `reg`; either may be missing or say nothing.
    package static func guess(model: String?, firmware: String?) -> CommandDialect {
        let texts = [firmware, model].compactMap { $0?.lowercased() }
        func any(_ test: (String) -> Bool) -> Bool { texts.contains(where: test) }
        // `AiFace BS`, `AiFace-BS`, `AiF43V_BS_3.04`
        if any({ $0.contains("aifacebs") || ($0.hasPrefix("ai") && $0.words.contains("bs")) }) {
            return .aifaceBS
        }
        if any({ $0.hasPrefix("evo") || $0.contains("topdata") || $0.contains("evo facial") }) { return .evo }
        if any({ $0.hasPrefix("tfs") || $0.isFingerprintFamily }) { return .tfs }
        if any({ $0.hasPrefix("ai") || $0.contains("aiface") || $0.hasPrefix("tm-ai") }) { return .aiface }
        return .unknown
    }

    /// The keys under which `settime` gives the time.
    package var timeKeys: [String] {
        switch self {
        case .tfs: ["cloudtime"]
        case .aifaceBS: ["time"]
        // A board that calls itself AiFace may run either program.
        case .aiface, .evo, .unknown: ["cloudtime", "time"]
        }
    }

    /// The keys under which `enableuser` says yes or no.
    package var enableKeys: [String] {
        switch self {
        case .tfs: ["enflag"]
        case .aifaceBS: ["enable"]
        case .aiface, .evo, .unknown: ["enflag", "enable"]
        }
    }

    /// Whether `deleteuser` with `backupnum` 12 takes the fingerprints and nothing else.
    package var deletesFingerprintsAtOnce: Bool { self == .tfs }
}

extension String {
    fileprivate var words: [Substring] { split { !$0.isLetter && !$0.isNumber } }

    /// `TH900…`, `th600w`: the letters and at least two digits.
    fileprivate var isFingerprintFamily: Bool {
        let digits = dropFirst(2).prefix(2)
        return hasPrefix("th") && digits.count == 2 && digits.allSatisfy { ("0"..."9").contains($0) }
    }
}

/// What must be known of a terminal to tell whether it can take a value.
package struct TerminalTraits: Hashable, Sendable {
    package var dialect: CommandDialect
    /// Digits of its longest user number: 9, or 18 where its id format is set so (quirk Q25). 18 when not known: such
    /// a terminal refuses by itself.
    package var enrollIDDigits: Int
    /// `fpalgo` of `reg`; nil when not known.
    package var templateAlgorithm: String?

    package init(
        dialect: CommandDialect = .unknown, enrollIDDigits: Int = 18, templateAlgorithm: String? = nil
    ) {
        self.dialect = dialect
        self.enrollIDDigits = min(max(enrollIDDigits, 1), 18)
        self.templateAlgorithm = templateAlgorithm
    }
}
