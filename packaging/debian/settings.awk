# Makes the package's config.ini of the sample that the program prints: three settings that the package needs, so that it
# starts at once, safely, and commands find the journal without systemd's environment. Fails where one is not there.
BEGIN {
    print "# Settings of attendance-gateway, as the package brings them: terminals and console are served on this machine"
    print "# alone until you say otherwise. Begin with [Server] Host and one rule of admission (AllowedNetworks), [ERP] URL,"
    print "# APIKey and APISecret, and [Terminals] TimeZone; then: sudo systemctl restart attendance-gateway"
    print "#"
    wanted["Server Host"] = "127.0.0.1"
    wanted["Store Directory"] = "/var/lib/attendance-gateway"
    wanted["Logging LogDirectory"] = "/var/log/attendance-gateway"
}
/^#?\[/ { section = $0; gsub(/[#\[\]]/, "", section); example = /^#/ }
/^#?[A-Za-z]+ =/ && !example {
    key = $1; sub(/^#/, "", key)
    if ((section " " key) in wanted) {
        print key " = " wanted[section " " key]
        delete wanted[section " " key]
        next
    }
}
NR == 1 { print "# Every other line below is a comment that shows a default or an example:"; next }
{ print }
END { for (each in wanted) { print "no such setting in the sample: " each > "/dev/stderr"; exit 1 } }
