#!/bin/sh
# Enroll this device with Enlist, where there is no Python: POSIX sh, curl and openssl are enough.
#
#   sh enroll.sh CODE --server https://enroll.example.com --state enlist-device
#
# It makes a key that never leaves this device, and gets a certificate for it. After a crash or a
# lost answer repeat the same command: nothing is used up twice. What it leaves in the folder is
# what `enlist-agent` leaves there, which can go on with it.
#
# Exit codes: 0 done; 1 refused; 2 the command must be changed, or the folder cannot be used;
# 3 no server that can be trusted answered; 130 stopped by hand.

set -eu
umask 077
LC_ALL=C
export LC_ALL

usage() {
    cat <<'END'
usage: sh enroll.sh LINK|TOKEN|CODE [options]

  LINK|TOKEN|CODE          a link in quotes; - reads standard input
  --server URL             the server; a link already names it
  --state DIR              the device's own directory (enlist-device)
  --name NAME              the device's name (its host name)
  --ca FILE                trust this CA (PEM), and no other
  --ca-fingerprint sha256:HEX
                           trust the server's own CA if it has this fingerprint, and no other
  --accept-terms ID        accept the terms of use with this id, where that is asked for
  --ownership WHOSE        employee_owned, corporate_dedicated or corporate_shared,
  --asset-number NUMBER    the device's asset number,
  --email ADDRESS          your e-mail address: each where that is asked for

exit codes: 0 done; 1 refused; 2 the command must be changed, or the folder cannot
be used; 3 no server that can be trusted answered; 130 stopped by hand
END
}

say() { printf '%s\n' "$*" >&2; }

fail() {
    code=$1
    shift
    say "$*"
    exit "$code"
}

# A server's words on one line, without what could repaint a terminal.
plain() { printf '%s' "$1" | tr -d '[:cntrl:]' | cut -c 1-400; }

# The text of a field in the JSON of $answer, still escaped; the last one of that name.
field() {
    tr -d '\n' <"$answer" | sed -n "s/.*\"$1\": *\"\\([^\"]*\\)\".*/\\1/p"
}

number_of() { sed -n 's/.*= *//p' | tr -d ': ' | tr 'A-F' 'a-f'; }

needs() {
    command -v "$1" >/dev/null 2>&1 || fail 2 "This needs $1, which is not installed here."
}

read_options() {
    given='' server='' state=enlist-device name='' ca='' fingerprint='' terms=''
    ownership='' asset='' email=''
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help) usage && exit 0 ;;
            --server | --state | --name | --ca | --ca-fingerprint | --accept-terms | --ownership | \
                --asset-number | --email)
                [ $# -gt 1 ] || fail 2 "$1 needs a value."
                case $1 in
                    --server) server=$2 ;;
                    --state) state=$2 ;;
                    --name) name=$2 ;;
                    --ca) ca=$2 ;;
                    --ca-fingerprint) fingerprint=$2 ;;
                    --accept-terms) terms=$2 ;;
                    --ownership) ownership=$2 ;;
                    --asset-number) asset=$2 ;;
                    --email) email=$2 ;;
                esac
                shift
                ;;
            -) IFS= read -r given || [ -n "$given" ] || fail 2 'Standard input holds no token.' ;;
            -*) fail 2 'There is no such option. --help lists them.' ;;
            *)
                [ -z "$given" ] || fail 2 'One link, token or code at a time.'
                given=$1
                ;;
        esac
        shift
    done
    [ -n "$given" ] || fail 2 'Give a link, a token or a code. --help says more.'
    [ -z "$ca" ] || [ -z "$fingerprint" ] || fail 2 'Give --ca or --ca-fingerprint, not both.'
    case $terms in
        *[!A-Fa-f0-9-]*) fail 2 'The id of terms of use is a row of digits, letters a to f and hyphens.' ;;
    esac
    case $state in -*) state=./$state ;; esac
}

# Takes a link apart, https://HOST/enroll/HANDLE#t=TOKEN: the server never sees what follows #.
read_secret() {
    case $given in
        *://*/enroll*'#t='*)
            token=${given##*'#t='}
            token=${token%%[&?]*}
            if [ -z "$server" ]; then
                server=${given%%'#t='*}
                server=${server%/enroll*}
            fi
            ;;
        *://*) fail 2 'This link has lost its end, the part after #t=. Copy the whole link.' ;;
        *.jwt) fail 2 'A JWT needs enlist-agent; this script takes a link, a token or a code.' ;;
        *) token=$given ;;
    esac
    case $token in
        '' | *[!A-Za-z0-9_.\ -]*) fail 2 'This is neither a token nor a code. Copy it once more.' ;;
    esac
}

read_server() {
    server=${server%/}
    case $server in
        *[!][A-Za-z0-9:/._~%-]*) fail 2 'The address of the server cannot be read.' ;;
        https://?*) protocol=https ;;
        http://localhost | http://localhost[:/]* | http://127.0.0.1 | http://127.0.0.1[:/]*)
            protocol=http
            ;;
        http://*) fail 2 'Plain http:// is for localhost only: others could read the token. Use https://' ;;
        '') fail 2 'Which server? Give --server https://HOST, or the whole link of your message.' ;;
        *) fail 2 "A server's address is written in full, for example https://enlist.example.com" ;;
    esac
    [ -z "$fingerprint" ] || [ "$protocol" = https ] ||
        fail 2 '--ca-fingerprint needs an https:// address.'
}

# What `ls` says of a path: its $mode, as in drwx------, and its $owner, a number.
look_at() {
    read -r mode _ owner _ <<END
$(ls -ldn "$@")
END
    [ -n "$owner" ] || fail 2 "$state cannot be used."
}

# Whoever else could change the folder could put a key of his own there, and whoever can read the
# key is the device. The same is asked, and told, as enlist-agent does.
require_own() {
    look_at "$1"
    [ "$owner" = "$(id -u)" ] ||
        fail 2 "$1 belongs to user $owner, and you are user $(id -u). Run the command as its owner" \
            "(sudo -u '#$owner'), or give --state a directory of your own."
}

# Where everybody may rename, he may put another folder in the place of ours. In one with the sticky
# bit, as /tmp has it, each may rename only what is his.
require_not_world_writable() {
    above=$1
    while [ -n "$above" ]; do
        above=${above%/*}
        look_at -L "${above:-/}"
        case $mode in
            ????????w[!tT]*)
                fail 2 "${above:-/} can be changed by every user, and so $state be replaced. Give" \
                    "--state a directory elsewhere, or close it: chmod o-w ${above:-/}"
                ;;
        esac
    done
}

require_closed() {
    look_at "$state"
    case $mode in
        ?????w* | ????????w*)
            fail 2 "$state can be changed by other users ($mode), so that its key may be one of" \
                'theirs. Give --state a new directory; or, if you know that nobody did, close it:' \
                "chmod 700 $state"
            ;;
    esac
    require_own "$state/key.pem"
    case $mode in
        -???------*) ;;
        -*)
            fail 2 "$state/key.pem can be read or changed by other users ($mode). Whoever has a copy" \
                'is this device: ask your administrator to reset it, and enroll into a new directory.' \
                "If you know that nobody read it, close it: chmod 600 $state/key.pem"
            ;;
        *) fail 2 "$state/key.pem is a link, or no file at all. Remove $state, and begin anew." ;;
    esac
}

prepare_folder() {
    while :; do
        case $state in
            ?*/) state=${state%/} ;;
            ?*/.) state=${state%/.} ;;
            *) break ;;
        esac
    done
    [ ! -h "$state" ] ||
        fail 2 "$state is a symbolic link, which may lead elsewhere tomorrow. Give --state the" \
            'directory itself.'
    if [ -d "$state" ] && [ ! -e "$state/key.pem" ] && [ -n "$(ls -A "$state")" ]; then
        fail 2 "$state holds files of others. Give --state a directory of its own."
    fi
    mkdir -p "$state" || fail 2 "$state cannot be used."
    require_own "$state"
    place=$(CDPATH='' cd "$state" && pwd -P) || fail 2 "$state cannot be used."
    require_not_world_writable "$place"
    case $state in
        /*) require_not_world_writable "$state" ;;
        *) require_not_world_writable "$PWD/$state" ;;
    esac
    [ ! -e "$state/key.pem" ] || require_closed
    chmod 700 "$state" || fail 2 "$state cannot be used."
    [ ! -e "$state/state.json" ] ||
        fail 1 "Refused: $state already holds an enrolled device. Give another --state directory, or" \
            'remove this one if its device was reset, or is gone for good.'
    work=$state/.new-$$
    trap 'rm -rf "$work"' EXIT
    trap 'say "Stopped. Nothing is lost: repeat the same command to go on."; exit 130' INT TERM HUP
    mkdir "$work" || fail 2 "$state cannot be used."
    answer=$work/answer
}

# A file appears whole or not at all.
keep() {
    { cat >"$work/file" && mv -f "$work/file" "$state/$1"; } ||
        fail 2 "$state/$1 cannot be written."
}

# Key and request are made once, before anything is sent: a repeated command sends the same again.
prepare_key() {
    if [ ! -e "$state/key.pem" ]; then
        openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/key" 2>/dev/null ||
            fail 2 'openssl cannot make a P-256 key here.'
        # Two that start at once end up with one key.
        ln "$work/key" "$state/key.pem" 2>/dev/null || [ -e "$state/key.pem" ] ||
            mv "$work/key" "$state/key.pem" || fail 2 "$state/key.pem cannot be written."
    fi
    openssl pkey -in "$state/key.pem" -pubout -out "$work/public" 2>/dev/null ||
        fail 2 "$state/key.pem is damaged. Remove $state, and begin anew."
    if [ "$(openssl req -in "$state/request.pem" -noout -pubkey 2>/dev/null)" != \
        "$(cat "$work/public")" ]; then
        # The server alone decides whom the certificate names; the subject is only a form.
        printf '[req]\ndistinguished_name = none\n[none]\n' >"$work/settings"
        openssl req -new -sha256 -key "$state/key.pem" -subj /CN=device \
            -config "$work/settings" -out "$work/request" 2>/dev/null ||
            fail 2 'openssl cannot make a certificate request here.'
        keep request.pem <"$work/request"
    fi
}

# Fetched over a connection that proves nothing, and believed only for its fingerprint.
prepare_trust() {
    trust=''
    if [ -n "$ca" ]; then
        openssl x509 -in "$ca" -noout 2>/dev/null || fail 2 "$ca holds no certificate in PEM form."
        keep ca.pem <"$ca"
    elif [ -n "$fingerprint" ]; then
        wanted=$(printf '%s' "$fingerprint" | sed 's/^[Ss][Hh][Aa]-\{0,1\}256[:=]//' |
            tr -d ': ' | tr 'A-F' 'a-f')
        case $wanted in *[!0-9a-f]*) wanted='' ;; esac
        [ ${#wanted} -eq 64 ] ||
            fail 2 'The fingerprint of a CA is sha256: and 64 hexadecimal digits. Copy it once more.'
        ask --insecure "$server/pki/root.pem"
        found=$(openssl x509 -in "$answer" -noout -fingerprint -sha256 2>/dev/null | number_of)
        [ "$found" = "$wanted" ] ||
            fail 3 "$server shows another CA than the one asked for, so nothing was sent. Ask your" \
                'administrator which is right: somebody may be between this device and the server.'
        openssl x509 -in "$answer" -out "$work/root"
        keep ca.pem <"$work/root"
    else
        return 0
    fi
    trust=$state/ca.pem
}

# curl, patient with what passes, whatever a .curlrc says. Sets $status; the answer is in $answer.
ask() {
    code=0
    : >"$answer" # an answer without a body must not leave the last one there
    status=$(curl -q --silent --show-error --proto "=$protocol" --tlsv1.2 --max-time 60 \
        --retry 5 --retry-max-time 60 --max-filesize 1048576 \
        --user-agent enroll.sh --output "$answer" --write-out '%{http_code}' "$@" \
        2>"$work/trouble") || code=$?
    [ "$code" -eq 0 ] && return 0
    told=$(plain "$(tail -n 1 "$work/trouble")")
    case $code in
        35 | 51 | 60 | 77 | 83 | 90 | 91)
            fail 3 "The certificate of $server is not trusted here, so nothing was sent ($told). If" \
                "your administrator gave you the CA's file or fingerprint, add --ca FILE or" \
                '--ca-fingerprint sha256:...; otherwise do not go on.'
            ;;
        *)
            fail 3 "$server cannot be reached ($told). Nothing is lost: repeat the same command later."
            ;;
    esac
}

# A text as it may stand in JSON: no control characters, no quotes, no backslash.
inside() {
    printf '%s' "$1" | tr -d '[:cntrl:]"' | tr -d '\134'
}

# `,"NAME":"TEXT"`; nothing where there is no text.
member() {
    [ -z "$2" ] || printf ',"%s":"%s"' "$1" "$(inside "$2")"
}

redeem() {
    [ -n "$name" ] || name=$(uname -n)
    name=$(inside "$name")
    case $(uname -s) in
        Darwin) platform=macos ;;
        *) platform=linux ;;
    esac
    csr=$(awk '{ printf "%s\\n", $0 }' "$state/request.pem")
    accepted=${terms:+"\"accepted_terms\":\"$terms\","}
    said=$(member ownership "$ownership")$(member asset_number "$asset")$(member email "$email")
    printf '{"token":"%s","device":{"name":"%s","platform":"%s"%s},%s"csr":"%s"}' \
        "$token" "$name" "$platform" "$said" "$accepted" "$csr" >"$work/body"
    # The same request has the same name each time, and nobody else can know it.
    again=$(cat "$state/key.pem" "$work/body" | openssl dgst -sha256 | number_of | cut -c 1-32)
    set -- --header 'Content-Type: application/json' --header "Idempotency-Key: $again" \
        --data-binary "@$work/body" "$server/api/v1/redeem"
    if [ -n "$trust" ]; then
        ask --cacert "$trust" --capath "$work/none" "$@" # the system's CAs do not count beside it
    else
        ask "$@"
    fi
}

# Checks that the certificate is for our key, and puts it on the disk; state.json comes last.
finish() {
    case $status in
        2??) ;;
        *)
            title=$(plain "$(field title)") detail=$(plain "$(field detail)")
            support=$(field support_code)
            [ -n "$title" ] ||
                fail 3 "$server answers $status, but not as Enlist does. Check the address."
            fail 1 "Refused: ${title%.}. $detail${support:+ (support code $(plain "$support"))}"
            ;;
    esac
    device=$(plain "$(field id)")
    printf '%b' "$(field certificate)" >"$work/certificate"
    printf '%b' "$(field chain)" >"$work/chain"
    openssl x509 -in "$work/certificate" -noout -pubkey >"$work/theirs" 2>/dev/null || :
    # Of the chain, enlist-agent will trust whom it names; of none it could trust nobody.
    { [ -n "$device" ] && cmp -s "$work/theirs" "$work/public" &&
        openssl x509 -in "$work/chain" -noout 2>/dev/null; } ||
        fail 3 "$server answered, but not with a certificate for this device's key. Nothing was" \
            'kept. Tell your administrator.'
    called=$(field name)
    case $called in '' | *\\*) called=$device ;; esac
    called=$(plain "$called")
    keep chain.pem <"$work/chain"
    keep certificate.pem <"$work/certificate"
    printf '{\n  "server": "%s",\n  "device_url": "%s",\n  "device": {"id": "%s", "name": "%s"}\n}\n' \
        "$server" "$(plain "$(field device_url)")" "$device" "$called" | keep state.json
    until=$(openssl x509 -in "$state/certificate.pem" -noout -enddate)
    printf '%s\n' "Enrolled $called at $server as device $device." \
        "Key and certificate are in $state, good until ${until#notAfter=}."
}

main() {
    read_options "$@"
    needs curl
    needs openssl
    read_secret
    read_server
    prepare_folder
    prepare_key
    prepare_trust
    redeem
    finish
}

main "$@"
